namespace VmChannel.Device.Qmp;

/// <summary>Reads what QEMU's <c>info qtree</c> says about a port: text for people, the same since the command exists.</summary>
internal static class DeviceTree
{
    /// <summary>Whether a program in the guest has a port open; null when the text does not say.</summary>
    /// <param name="text">Lines such as <c>dev: virtserialport, id "a"</c>, followed by the device's properties.</param>
    /// <param name="id">The port's.</param>
    public static bool? FindGuestOpen(string text, string id)
    {
        int device = text.IndexOf($", id \"{id}\"", StringComparison.Ordinal);
        if (device < 0)
        {
            return null;
        }

        // Up to the next device.
        int end = text.IndexOf("dev: ", device, StringComparison.Ordinal);
        ReadOnlySpan<char> lines = end < 0 ? text.AsSpan(device) : text.AsSpan(device, end - device);
        return lines.Contains(", guest on,", StringComparison.Ordinal) ? true
            : lines.Contains(", guest off,", StringComparison.Ordinal) ? false
            : null;
    }
}
