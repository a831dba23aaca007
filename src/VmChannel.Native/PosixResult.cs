using System.Runtime.InteropServices;

namespace VmChannel.Native;

/// <summary>What a system call answered: a value of zero or more, or an error number.</summary>
public readonly record struct PosixResult(nint Value, Errno Error)
{
    public bool IsSuccess => Error == Errno.None;

    /// <summary>The operation would have blocked; try again after a readiness event.</summary>
    public bool IsAgain => Error == Errno.Again;

    /// <summary>The error in the C library's words, for messages.</summary>
    public string Message => Marshal.GetPInvokeErrorMessage((int)Error);

    /// <summary>The value, or an <see cref="IOException"/> that says which operation failed and why.</summary>
    /// <exception cref="IOException">The call failed; <see cref="Exception.HResult"/> is the error number.</exception>
    public int OrThrow(string operation)
        => IsSuccess ? checked((int)Value) : throw new IOException($"{operation}: {Message}", (int)Error);

    internal static PosixResult From(nint returned)
        => returned >= 0 ? new(returned, Errno.None) : new(-1, (Errno)Marshal.GetLastPInvokeError());
}
