using VmChannel.Guest;
using VmChannel.Native;

namespace VmChannel.GuestTool.Init;

/// <summary>Moves the host's bytes from a USB serial adapter into a pipe; when the host closes, the pipe ends.</summary>
/// <remarks>A terminal tells of its host by the carrier alone, which the library looks after: see <see cref="ChannelStream"/>.</remarks>
internal sealed class AdapterInput
{
    // A host that had nothing to say may have left before the adapter was opened.
    private static readonly TimeSpan HostGrace = TimeSpan.FromSeconds(2);

    private readonly ChannelStream _stream;
    private readonly FileDescriptor _pipe;

    /// <param name="port">The adapter.</param>
    /// <param name="pipe">Closed at the end.</param>
    /// <exception cref="ChannelException">It cannot be opened.</exception>
    public AdapterInput(GuestPort port, FileDescriptor pipe)
    {
        ChannelInfo channel = new() { Name = port.Protocol!.Value.Text, Transport = ChannelTransport.UsbSerial, DevicePath = port.Path };
        _stream = ChannelOpening.Open(channel, HostCloseBehavior.EndStream);
        _pipe = pipe;
    }

    /// <summary>Starts; the thread ends with the input, with the pipe's reader, or with the guest.</summary>
    public void Start() => new Thread(Run) { IsBackground = true, Name = "stdin" }.Start();

    private void Run()
    {
        using (_pipe)
        using (_stream)
        {
            try
            {
                Pump();
            }
            catch (Exception fault) when (fault is IOException or OperationCanceledException)
            {
                // Unplugged, or no host: the pipe ends.
            }
        }
    }

    private void Pump()
    {
        using (CancellationTokenSource grace = new(HostGrace))
        {
            _stream.WaitForHostAsync(grace.Token).AsTask().GetAwaiter().GetResult();
        }

        byte[] buffer = new byte[32768];
        while (_stream.Read(buffer) is int count and > 0 && PortWriter.WriteAll(_pipe, buffer.AsSpan(0, count)))
        {
        }
    }
}
