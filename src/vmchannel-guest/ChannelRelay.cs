using VmChannel.Guest;
using VmChannel.Native;

namespace VmChannel.GuestTool;

/// <summary>Why a relay ended.</summary>
internal enum RelayEnd
{
    /// <summary>The host closed its end and everything it had sent is written.</summary>
    HostClosed,

    /// <summary>The input ended, and the time to wait for the host after that is over.</summary>
    InputEnded,

    /// <summary>Nobody reads the output any more.</summary>
    OutputClosed,
}

/// <summary>Moves bytes between an open channel and this process's input and output, as nc does for a socket.</summary>
/// <param name="channel">Ends when its host does.</param>
/// <param name="input">What is sent to the host until it ends.</param>
/// <param name="output">Gets what the host sends.</param>
/// <param name="lingerAfterInput">How long to go on after the end of the input; infinite: until the host closes.</param>
/// <remarks>A channel has no half-close: the end of the input says nothing to the host.</remarks>
internal sealed class ChannelRelay(ChannelStream channel, FileDescriptor input, FileDescriptor output, TimeSpan lingerAfterInput)
{
    // What the driver takes in one write.
    private const int BufferBytes = 32768;

    private volatile bool _isWriting;

    /// <summary>Bytes taken from the input that the driver had not taken when the relay ended.</summary>
    public int UnsentBytes { get; private set; }

    /// <summary>Runs until one of the ends is gone.</summary>
    /// <exception cref="ChannelUnpluggedException">The channel is.</exception>
    /// <exception cref="IOException">Reading the input or writing the output failed.</exception>
    public async Task<RelayEnd> RunAsync()
    {
        // In the pool: input and output may block.
        Task<RelayEnd> receive = Task.Run(ReceiveAsync);
        Task send = Task.Run(SendAsync);
        if (await Task.WhenAny(receive, send) == send)
        {
            await send;
            return await Task.WhenAny(receive, Task.Delay(lingerAfterInput)) == receive ? await receive : RelayEnd.InputEnded;
        }

        if (_isWriting && await receive == RelayEnd.HostClosed)
        {
            // The write ends with the host, and then it is known how far it came. A read of the input nobody waits for.
            await send;
        }

        return await receive;
    }

    private async Task SendAsync()
    {
        byte[] buffer = new byte[BufferBytes];
        while (true)
        {
            int bytes = Take(buffer);
            if (bytes == 0)
            {
                return;
            }

            long before = channel.BytesWritten;
            _isWriting = true;
            try
            {
                await channel.WriteAsync(buffer.AsMemory(0, bytes));
            }
            catch (HostClosedException)
            {
                UnsentBytes = bytes - (int)(channel.BytesWritten - before);
                return;
            }

            _isWriting = false;
        }
    }

    private async Task<RelayEnd> ReceiveAsync()
    {
        byte[] buffer = new byte[BufferBytes];
        while (true)
        {
            int bytes = await channel.ReadAsync(buffer);
            if (bytes == 0)
            {
                return RelayEnd.HostClosed;
            }

            if (!Give(buffer.AsSpan(0, bytes)))
            {
                return RelayEnd.OutputClosed;
            }
        }
    }

    private int Take(Span<byte> buffer)
    {
        while (true)
        {
            PosixResult read = input.Read(buffer);
            if (!read.IsAgain)
            {
                return read.OrThrow("read the input");
            }

            WaitFor(input, PollEvents.In);
        }
    }

    private bool Give(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            PosixResult written = output.Write(bytes);
            if (written.Error == Errno.BrokenPipe)
            {
                return false;
            }

            if (written.IsAgain)
            {
                WaitFor(output, PollEvents.Out);
            }
            else
            {
                bytes = bytes[written.OrThrow("write the output")..];
            }
        }

        return true;
    }

    // Somebody who shares the descriptor may have made it non-blocking.
    private static void WaitFor(FileDescriptor descriptor, PollEvents events) =>
        _ = Poll.Wait([new(descriptor.Number, events)], Timeout.InfiniteTimeSpan).OrThrow("poll");
}
