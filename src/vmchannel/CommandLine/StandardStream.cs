using System.Text;
using VmChannel.Native;

namespace VmChannel.Cli.CommandLine;

/// <summary>Standard output and error, written at once and without .NET's console, which would set up the terminal.</summary>
internal static class StandardStream
{
    private static readonly FileDescriptor Output = FileDescriptor.Borrow(1);
    private static readonly FileDescriptor Error = FileDescriptor.Borrow(2);

    /// <summary>Whoever shares a stream and made it non-blocking reads on within this time, or no more.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Why something did not get to standard output, as on a full disk; null when all did, or nobody reads any more.</summary>
    public static string? OutputFailure { get; private set; }

    /// <returns>False when nobody reads, or of an <see cref="OutputFailure"/>.</returns>
    public static bool WriteOutput(string text) => Note(Write(Output, text));

    /// <summary>Waits as long as it takes.</summary>
    /// <returns>False when nobody reads any more, or of an <see cref="OutputFailure"/>.</returns>
    public static bool WriteOutput(ReadOnlySpan<byte> bytes) => Note(Output.WriteAll(bytes, Timeout.InfiniteTimeSpan));

    /// <summary>Writes to standard output what is good to know, and no failure to miss.</summary>
    public static void Mention(string text) => _ = Write(Output, text);

    /// <summary>Waits as long as it takes.</summary>
    /// <returns>False when nobody reads any more.</returns>
    public static bool WriteError(ReadOnlySpan<byte> bytes) => Error.WriteAll(bytes, Timeout.InfiniteTimeSpan).IsSuccess;

    /// <summary>A console on the same terminal has put it into raw mode: a line feed alone would not go back to the margin.</summary>
    public static void WriteError(string text)
        => _ = Write(Error, Terminal.Is(Error) ? text.Replace("\n", "\r\n", StringComparison.Ordinal) : text);

    /// <summary>One line on standard error: <c>vmchannel: …</c>. What came from elsewhere cannot add lines or control the terminal.</summary>
    public static void Complain(string message) => WriteError($"vmchannel: {Printable(message)}\n");

    /// <summary>The text without control characters.</summary>
    public static string Printable(string text)
        => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;

    private static bool Note(PosixResult result)
    {
        if (!result.IsSuccess && result.Error != Errno.BrokenPipe)
        {
            OutputFailure ??= result.Message;
        }

        return result.IsSuccess;
    }

    private static PosixResult Write(FileDescriptor stream, string text) => stream.WriteAll(Encoding.UTF8.GetBytes(text), Patience);
}
