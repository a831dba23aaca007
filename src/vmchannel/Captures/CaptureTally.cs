using VmChannel.Cli.Client;
using VmChannel.Wire.Capture;

namespace VmChannel.Cli.Captures;

/// <summary>How much a capture has so far.</summary>
internal sealed class CaptureTally
{
    public long FromGuestBytes { get; private set; }

    public long ToGuestBytes { get; private set; }

    /// <summary>Bytes that were moved and are not there.</summary>
    public ulong MissedBytes { get; private set; }

    public void Add(CaptureEntry entry)
    {
        MissedBytes = unchecked(MissedBytes + entry.MissedBytes);
        if (entry.Direction == CaptureDirection.FromGuest)
        {
            FromGuestBytes += entry.Bytes.Length;
        }
        else
        {
            ToGuestBytes += entry.Bytes.Length;
        }
    }

    public override string ToString()
        => $"{PortText.Bytes(FromGuestBytes)} from the guest, {PortText.Bytes(ToGuestBytes)} to it{(MissedBytes == 0 ? "" : $", {MissedBytes} bytes missing")}";
}
