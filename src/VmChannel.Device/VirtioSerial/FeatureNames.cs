using System.Globalization;

namespace VmChannel.Device.VirtioSerial;

/// <summary>Feature bits by the names the specification has for them, without their prefix.</summary>
public static class FeatureNames
{
    // VIRTIO 1.3 §5.3.3 and §6; bits 26 and 30 are vhost-user's.
    private static readonly Dictionary<int, string> Names = new()
    {
        [0] = "SIZE",
        [1] = "MULTIPORT",
        [2] = "EMERG_WRITE",
        [26] = "LOG_ALL",
        [28] = "INDIRECT_DESC",
        [29] = "EVENT_IDX",
        [30] = "PROTOCOL_FEATURES",
        [32] = "VERSION_1",
        [35] = "IN_ORDER",
    };

    /// <summary>The bits that are set, lowest first.</summary>
    public static IReadOnlyList<string> Of(ulong features)
        => [.. Enumerable.Range(0, 64).Where(bit => (features >> bit & 1) != 0).Select(Name)];

    private static string Name(int bit) => Names.TryGetValue(bit, out string? name) ? name : string.Create(CultureInfo.InvariantCulture, $"bit {bit}");
}
