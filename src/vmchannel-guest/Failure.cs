namespace VmChannel.GuestTool;

/// <summary>Exit codes, and how a failure is told to people.</summary>
internal static class Failure
{
    public const int None = 0;
    public const int Failed = 1;
    public const int Usage = 2;

    /// <summary>One line on standard error: what was wrong, where, what to do.</summary>
    /// <returns><see cref="Failed"/>, for the caller to return.</returns>
    public static int Report(string message)
    {
        StandardStream.Complain(message);
        return Failed;
    }
}
