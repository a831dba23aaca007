using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>A port of Linux's virtio-serial driver.</summary>
/// <remarks>
/// What the driver says (Linux <c>virtio_console.c</c>): a closed host is a hang-up with input, an unplugged port a hang-up without;
/// reading gives 0 while the host is closed; writing gives 0 in a race for the ring. Only edge-triggered epoll waits for a host without spinning.
/// Whoever polls takes used buffers back, and the interrupt that follows finds nothing new and wakes nobody. So the one poller
/// of this process reports all it finds to reader and writer, and while a writer waits it looks by the clock as well.
/// </remarks>
internal sealed class VirtioPortFile(ChannelInfo channel, FileDescriptor port) : ChannelFile(channel)
{
    /// <summary>What the driver takes in one write.</summary>
    private const int MaxWriteBytes = 32768;

    // When the kernel is short of memory in one piece, it may have a page.
    private const int PageBytes = 4096;

    private const int RoomCheckMs = 500;

    public override FileDescriptor Descriptor => port;

    public override IoOutcome Read(Span<byte> destination, out int count)
    {
        PosixResult read = port.Read(destination);
        count = read.IsSuccess ? (int)read.Value : 0;
        return read.Error switch
        {
            Errno.None => count == 0 ? IoOutcome.HostClosed : IoOutcome.Moved,
            Errno.Again => IoOutcome.Wait,
            Errno.NoDevice => IoOutcome.Unplugged,
            _ => throw Failure("read", read),
        };
    }

    public override IoOutcome Write(ReadOnlySpan<byte> source, out int count)
    {
        PosixResult written = port.Write(source.Length > MaxWriteBytes ? source[..MaxWriteBytes] : source);
        if (written.Error == Errno.OutOfMemory && source.Length > PageBytes)
        {
            written = port.Write(source[..PageBytes]);
        }

        count = written.IsSuccess ? (int)written.Value : 0;
        return written.Error switch
        {
            Errno.None => count == 0 ? IoOutcome.Wait : IoOutcome.Moved,
            Errno.Again or Errno.OutOfMemory => IoOutcome.Wait,
            Errno.NoDevice => IoOutcome.Unplugged,
            _ => throw Failure("write", written),
        };
    }

    public override HostSight Look()
    {
        Span<PollEntry> entries = [new(port.Number, PollEvents.In | PollEvents.Out)];
        _ = Poll.Wait(entries, TimeSpan.Zero);
        PollEvents ready = entries[0].Ready;
        bool isHungUp = (ready & PollEvents.HangUp) != 0;
        return new(!isHungUp, IsUnplugged: isHungUp && (ready & PollEvents.In) == 0, HasRoom: (ready & PollEvents.Out) != 0);
    }

    public override bool IsNews(EpollEvents events, bool isOpen) =>
        isOpen == ((events & EpollEvents.HangUp) != 0) || (events & (EpollEvents.HangUp | EpollEvents.In)) == EpollEvents.HangUp;

    public override long NextLook(long now, bool writerWaits) => writerWaits ? now + RoomCheckMs : Never;

    public override void Dispose() => port.Dispose();
}
