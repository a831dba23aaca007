namespace VmChannel.SystemTests.Rig;

/// <summary>What a server is started on.</summary>
/// <param name="Terminal">A terminal for standard input and output, and its controlling one; null for pipes.</param>
/// <param name="Redirections">More of them, in the words of bash.</param>
/// <param name="OutputIsAChannel">The test reads standard output.</param>
internal sealed record ServeStreams(string? Terminal = null, string? Redirections = null, bool OutputIsAChannel = false);
