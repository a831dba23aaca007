namespace VmChannel.Fuzz;

/// <summary>All targets by name: the name of the folder with the target's corpus, and the argument of the fuzzer.</summary>
public static class FuzzTargets
{
    /// <summary>Does whatever the bytes say. Any exception is a finding.</summary>
    public delegate void Target(ReadOnlySpan<byte> input);

    public static IReadOnlyDictionary<string, Target> All { get; } = new Dictionary<string, Target>
    {
        ["agent"] = AgentTarget.Run,
        ["vhost-user"] = VhostUserTarget.Run,
        ["ring"] = RingTarget.Run,
        ["control"] = ControlTarget.Run,
        ["options"] = OptionsTarget.Run,
        ["clipboard"] = ClipboardTarget.Run,
        ["config"] = ConfigTarget.Run,
        ["qmp"] = QmpTarget.Run,
        ["usbip"] = UsbIpTarget.Run,
        ["usbredir"] = UsbRedirTarget.Run,
    };
}
