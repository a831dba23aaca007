using System.Text;
using VmChannel.Native;

namespace VmChannel.GuestTool;

/// <summary>Standard output and error, written at once and without .NET's console, which fails on the one when it is closed, and hides that nobody reads the other.</summary>
internal static class StandardStream
{
    private static readonly FileDescriptor Output = FileDescriptor.Borrow(1);
    private static readonly FileDescriptor Error = FileDescriptor.Borrow(2);

    /// <returns>False when nobody reads any more.</returns>
    /// <exception cref="IOException">It cannot be written, as on a full disk.</exception>
    public static bool Write(string text)
    {
        PosixResult result = WriteAll(Output, text);
        if (result.Error != Errno.BrokenPipe)
        {
            _ = result.OrThrow("standard output");
        }

        return result.IsSuccess;
    }

    /// <summary>One line for people. Whoever cannot be told goes without it.</summary>
    public static void Complain(string message) => _ = WriteAll(Error, $"vmchannel-guest: {message}\n");

    private static PosixResult WriteAll(FileDescriptor stream, string text) => stream.WriteAll(Encoding.UTF8.GetBytes(text), Timeout.InfiniteTimeSpan);
}
