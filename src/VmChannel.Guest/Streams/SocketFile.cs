using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>A unix socket in the place of a device, for tests of programs: connected is host-open, refused is host-closed.</summary>
/// <param name="channel">What it belongs to.</param>
/// <param name="address">Where the test listens.</param>
/// <param name="socket">The first connection; null when it was refused.</param>
/// <param name="isLasting">Connect again when the host's end has closed.</param>
internal sealed class SocketFile(ChannelInfo channel, UnixAddress address, FileDescriptor? socket, bool isLasting) : ChannelFile(channel)
{
    private const int ConnectMs = 50;

    private FileDescriptor? _socket = socket;
    private Func<FileDescriptor, PosixResult>? _watch;
    private bool _wasOpen = socket is not null;
    private bool _isClosed = socket is null;
    private volatile bool _isDisposed;

    private bool WantsConnection => !_isDisposed && _isClosed && (isLasting || !_wasOpen);

    public override FileDescriptor? Descriptor => _socket;

    public override IoOutcome Read(Span<byte> destination, out int count)
    {
        count = 0;
        try
        {
            PosixResult read = _socket?.Read(destination) ?? default;
            count = read.IsSuccess ? (int)read.Value : 0;
            return count > 0 ? IoOutcome.Moved : read.IsAgain ? IoOutcome.Wait : IoOutcome.HostClosed;
        }
        catch (ObjectDisposedException) when (!_isDisposed)
        {
            // The next connection is there already.
            return IoOutcome.Wait;
        }
    }

    public override IoOutcome Write(ReadOnlySpan<byte> source, out int count)
    {
        count = 0;
        try
        {
            PosixResult written = _socket is FileDescriptor open ? UnixSocket.Send(open, source) : default;
            count = written.IsSuccess ? (int)written.Value : 0;
            return count > 0 ? IoOutcome.Moved : written.IsAgain ? IoOutcome.Wait : IoOutcome.HostClosed;
        }
        catch (ObjectDisposedException) when (!_isDisposed)
        {
            return IoOutcome.Wait;
        }
    }

    public override PosixResult WatchWith(Func<FileDescriptor, PosixResult> watch)
    {
        _watch = watch;
        return _socket is null ? default : watch(_socket);
    }

    public override HostSight Look()
    {
        Reconnect();
        if (_socket is not FileDescriptor open || _isDisposed)
        {
            return default;
        }

        // A half-closed peer is gone as well: a device has no such thing.
        Span<PollEntry> entries = [new(open.Number, PollEvents.Out | PollEvents.ReadHangUp)];
        _ = Poll.Wait(entries, TimeSpan.Zero);
        PollEvents ready = entries[0].Ready;
        _isClosed = (ready & (PollEvents.HangUp | PollEvents.ReadHangUp | PollEvents.Error)) != 0;
        return new(!_isClosed, HasRoom: (ready & PollEvents.Out) != 0);
    }

    public override bool IsNews(EpollEvents events, bool isOpen) =>
        isOpen == ((events & (EpollEvents.HangUp | EpollEvents.ReadHangUp | EpollEvents.Error)) != 0);

    public override long NextLook(long now, bool writerWaits) => WantsConnection ? now + ConnectMs : Never;

    public override void Dispose()
    {
        _isDisposed = true;
        _socket?.Dispose();
    }

    private void Reconnect()
    {
        // What the last one had sent is read first.
        if (!WantsConnection || _socket?.Available() is { IsSuccess: true, Value: > 0 })
        {
            return;
        }

        if (!StreamSocket.Connect(address, out FileDescriptor? next).IsSuccess)
        {
            return;
        }

        if (_watch is null || !_watch(next!).IsSuccess)
        {
            next!.Dispose();
            return;
        }

        FileDescriptor? last = _socket;
        _socket = next;
        _isClosed = false;
        _wasOpen = true;
        last?.Dispose();
    }
}
