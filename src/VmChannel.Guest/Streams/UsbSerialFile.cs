using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>A USB serial adapter: carrier (DCD) is host-open, DTR is guest-open, which the driver raises at open and drops at close.</summary>
/// <remarks>
/// The carrier is looked at a few times a second: no event tells of it. Its changes are counted by the driver (TIOCGICOUNT), so that no host that came
/// and went in between is missed; only after a change the adapter itself is asked (TIOCMGET is a USB transfer). A device without
/// modem lines counts as having its host always there.
/// </remarks>
internal sealed class UsbSerialFile(ChannelInfo channel, FileDescriptor tty) : ChannelFile(channel)
{
    private const int LookMs = 200;
    private const int MostChanges = 1000;

    private int _changes;
    private bool _isOpen;
    private bool _hasCounter = true;
    private bool _isLookedAt;

    public override FileDescriptor Descriptor => tty;

    public override IoOutcome Read(Span<byte> destination, out int count)
    {
        PosixResult read = tty.Read(destination);
        count = read.IsSuccess ? (int)read.Value : 0;
        return read.Error switch
        {
            // A terminal that was hung up is at its end.
            Errno.None => count == 0 ? IoOutcome.Unplugged : IoOutcome.Moved,
            Errno.Again => IoOutcome.Wait,
            Errno.InputOutput or Errno.NoDevice or Errno.NoSuchDeviceOrAddress => IoOutcome.Unplugged,
            _ => throw Failure("read", read),
        };
    }

    public override IoOutcome Write(ReadOnlySpan<byte> source, out int count)
    {
        count = 0;
        if (!Volatile.Read(ref _isOpen))
        {
            return IoOutcome.Wait;
        }

        PosixResult written = tty.Write(source);
        count = written.IsSuccess ? (int)written.Value : 0;
        return written.Error switch
        {
            Errno.None => count == 0 ? IoOutcome.Wait : IoOutcome.Moved,
            Errno.Again => IoOutcome.Wait,
            Errno.InputOutput or Errno.NoDevice or Errno.NoSuchDeviceOrAddress => IoOutcome.Unplugged,
            _ => throw Failure("write", written),
        };
    }

    public override HostSight Look()
    {
        Span<PollEntry> entries = [new(tty.Number, PollEvents.Out)];
        _ = Poll.Wait(entries, TimeSpan.Zero);
        if ((entries[0].Ready & (PollEvents.HangUp | PollEvents.Error)) != 0)
        {
            return new(IsOpen: false, IsUnplugged: true);
        }

        int changes = 0;
        if (_hasCounter && !SerialLine.CountCarrierChanges(tty, out changes).IsSuccess)
        {
            _hasCounter = false;
        }

        bool was = _isOpen;
        int seen = _hasCounter ? unchecked(changes - _changes) : 0;
        if (!_isLookedAt || !_hasCounter || seen != 0)
        {
            bool hasLines = SerialLine.GetLines(tty, out ModemLines lines).IsSuccess;
            Volatile.Write(ref _isOpen, !hasLines || (lines & ModemLines.CarrierDetect) != 0);
        }

        int flaps = _isLookedAt && seen is > 0 and < MostChanges ? CountFlaps(was, _isOpen, seen) : 0;
        _changes = changes;
        _isLookedAt = true;
        return new(_isOpen, HasRoom: _isOpen && (entries[0].Ready & PollEvents.Out) != 0, Flaps: flaps);
    }

    public override bool IsNews(EpollEvents events, bool isOpen) => (events & (EpollEvents.HangUp | EpollEvents.Error)) != 0;

    public override long NextLook(long now, bool writerWaits) => now + LookMs;

    public override void Dispose()
    {
        SerialLine.Release(tty);
        tty.Dispose();
    }

    /// <summary>How often the host's end was opened, without the opening that shows.</summary>
    /// <param name="was">It was open.</param>
    /// <param name="isOpen">It is open.</param>
    /// <param name="changes">How often the driver saw it change. One more than fits is the driver's first sight of what the adapter had said already.</param>
    internal static int CountFlaps(bool was, bool isOpen, int changes)
    {
        int real = changes % 2 == (was == isOpen ? 0 : 1) ? changes : changes - 1;
        return Math.Max(0, was ? real / 2 : ((real + 1) / 2) - (isOpen ? 1 : 0));
    }
}
