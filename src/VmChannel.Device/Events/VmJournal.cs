namespace VmChannel.Device.Events;

/// <summary>Where a VM's device and ports tell what happens to them. Any thread.</summary>
/// <param name="journal">Of the server.</param>
/// <param name="vm">The VM's name.</param>
public sealed class VmJournal(EventJournal journal, string vm)
{
    /// <summary>Of nobody: what is told is not kept.</summary>
    public static VmJournal Unread { get; } = new(new EventJournal(capacity: 1), "");

    /// <summary>The VM's name.</summary>
    public string Vm => vm;

    /// <summary>Something happened to the device.</summary>
    public void Tell(DeviceEventKind kind, string? cause = null) => journal.Append(vm, null, null, kind, cause);

    /// <summary>Something happened to a port.</summary>
    /// <param name="port">Its number.</param>
    /// <param name="protocol">Its name, if it has one.</param>
    /// <param name="kind">What.</param>
    /// <param name="cause">Why, for people. A guest can provoke events at any rate: make no new text for what it does.</param>
    /// <param name="generation">Of a guest-open or host-open.</param>
    public void Tell(int port, string? protocol, DeviceEventKind kind, string? cause = null, long? generation = null)
        => journal.Append(vm, port, protocol, kind, cause, generation);
}
