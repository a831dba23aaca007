namespace VmChannel.Device.Qmp;

/// <summary>A virtio-serial controller in QEMU.</summary>
/// <param name="Path">In QEMU's object tree, such as <c>/machine/peripheral/virtio-serial0</c>.</param>
/// <param name="Bus">The bus its ports are plugged into, such as <c>virtio-serial0.0</c>.</param>
/// <param name="MaxPorts">Numbers are below it.</param>
/// <param name="Taken">Numbers in use, and by which device.</param>
internal sealed record SerialController(string Path, string Bus, int MaxPorts, IReadOnlyDictionary<int, string> Taken)
{
    /// <summary>What a controller that vmchannel added is called in QEMU.</summary>
    public const string OwnId = "vmchannel-serial";

    public bool IsOwn => Path.EndsWith($"/{OwnId}", StringComparison.Ordinal);

    /// <summary>All these ports can be plugged in here.</summary>
    public bool HasRoomFor(IEnumerable<int> numbers) => numbers.All(number => number < MaxPorts && !Taken.ContainsKey(number));
}
