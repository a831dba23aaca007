using VmChannel.Native;
using VmChannel.Wire.Usb;

namespace VmChannel.Guest;

/// <summary>Reads the USB serial adapters that are channels from sysfs: those whose product string says so.</summary>
internal static class AdapterScan
{
    /// <summary>Where the kernel shows its terminals.</summary>
    public const string DefaultFolder = "/sys/class/tty";

    /// <summary>All of them in the order of their ids. One that goes away meanwhile is left out.</summary>
    public static IReadOnlyList<GuestPort> Read(string folder = DefaultFolder)
    {
        List<GuestPort> ports = [];
        try
        {
            foreach (string path in Directory.EnumerateFileSystemEntries(folder, "tty*"))
            {
                if (PortId.TryParse(Path.GetFileName(path), out PortId id) && ReadProduct(path, id) is string product
                    && product.StartsWith(ChannelProduct.Prefix, StringComparison.Ordinal))
                {
                    ports.Add(GuestPort.Named(id, System.Text.Encoding.UTF8.GetBytes(product[ChannelProduct.Prefix.Length..])));
                }
            }
        }
        catch (DirectoryNotFoundException)
        {
            // No sysfs.
        }

        ports.Sort((left, right) => left.Id.CompareTo(right.Id));
        return ports;
    }

    /// <summary>Tells a terminal from the one that had its number before it; null when it is gone.</summary>
    /// <remarks>sysfs numbers the folders of all devices in turn (<c>kernfs_new_node</c>).</remarks>
    public static FileIdentity? RegistrationOf(PortId id, string folder = DefaultFolder)
    {
        _ = FileDescriptor.Open(Path.Join(folder, id.Node), OpenFlags.PathOnly, 0, out FileDescriptor? entry);
        using (entry)
        {
            return entry?.Identity();
        }
    }

    /// <summary>
    /// Makes a terminal raw for everybody who opens it later, until the adapter is unplugged: programs that open a channel as a file
    /// know nothing of terminals, and what is echoed would go back to the host.
    /// </summary>
    /// <param name="device">Its device file.</param>
    /// <returns>Why it cannot be; null when it is.</returns>
    public static string? MakeRaw(string device)
    {
        PosixResult result = FileDescriptor.Open(
            device, OpenFlags.ReadWrite | OpenFlags.NonBlocking | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? terminal);
        using (terminal)
        {
            // Not disposed: that would undo it.
            result = terminal is null ? result : Terminal.MakeRaw(terminal, keepSignals: false, out _);
        }

        return result.IsSuccess ? null : result.Message;
    }

    /// <summary>The string of the USB device: device / interface / port / <c>tty</c> / terminal is the order of the folders. <c>cdc_acm</c> has no ports.</summary>
    private static string? ReadProduct(string path, PortId id)
    {
        try
        {
            return Directory.ResolveLinkTarget(path, returnFinalTarget: true) is { } terminal
                ? File.ReadAllText(Path.GetFullPath(Path.Join(terminal.FullName, id.IsAcm ? "../../../product" : "../../../../product"))).TrimEnd('\n')
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
