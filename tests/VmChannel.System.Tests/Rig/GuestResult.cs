namespace VmChannel.SystemTests.Rig;

/// <summary>How a command in the guest ended.</summary>
/// <param name="Code">Its exit code.</param>
/// <param name="Output">Standard output and error.</param>
internal readonly record struct GuestResult(int Code, string Output)
{
    public string Trimmed => Output.Trim();

    /// <summary>Lines without the empty last one.</summary>
    public string[] OutputLines => Output.TrimEnd('\n').Split('\n');
}
