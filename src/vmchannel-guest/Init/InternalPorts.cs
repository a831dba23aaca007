using VmChannel.Guest;
using VmChannel.Native;

namespace VmChannel.GuestTool.Init;

/// <summary>Opens the ports that carry the run itself; they have no links.</summary>
internal static class InternalPorts
{
    /// <summary>Waits for a port and opens it, blocking.</summary>
    /// <param name="links">Knows the ports.</param>
    /// <param name="name">Last label: control, stdin, stdout, stderr, terminal.</param>
    /// <param name="flags">One of the three access modes.</param>
    /// <param name="timeout">How long it may take to appear.</param>
    /// <exception cref="InitException">It did not come, or cannot be opened.</exception>
    public static FileDescriptor Open(LinkKeeper links, string name, OpenFlags flags, TimeSpan timeout)
    {
        GuestPort port = Find(links, name, timeout);
        FileDescriptor.Open(port.Path, flags | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? opened).OrFail($"open {port.Shown} ({port.Path})");
        return opened!;
    }

    /// <summary>Waits for a port.</summary>
    /// <param name="links">Knows the ports.</param>
    /// <param name="name">Last label, as above.</param>
    /// <param name="timeout">How long it may take to appear.</param>
    /// <exception cref="InitException">It did not come.</exception>
    public static GuestPort Find(LinkKeeper links, string name, TimeSpan timeout)
    {
        string wanted = GuestPort.InternalPrefix + name;
        return links.WaitUntil(state => Find(state, wanted) is not null, timeout) is { } state
            ? Find(state, wanted)!
            : throw new InitException($"no port {wanted} after {timeout.TotalSeconds} s: is the device there, and its driver loaded?");
    }

    private static GuestPort? Find(LinkState state, string name) => state.Ports.FirstOrDefault(port => port.Protocol?.Text == name);
}
