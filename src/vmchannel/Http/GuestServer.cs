using System.Globalization;
using VmChannel.Cli.Client;
using VmChannel.Control;
using VmChannel.Mux;

namespace VmChannel.Cli.Http;

/// <summary>A server in a guest, behind the mux on one of its ports.</summary>
internal sealed class GuestServer : IAsyncDisposable
{
    private readonly VmTarget _target;
    private readonly string _port;
    private readonly TimeSpan _patience;

    /// <param name="target">The VM.</param>
    /// <param name="port">Number, name, or the end of a name.</param>
    /// <param name="patience">How long its mux may take to answer.</param>
    public GuestServer(VmTarget target, string port, TimeSpan patience)
    {
        _target = target;
        _port = port;
        _patience = patience;
        Link = new MuxLink(cancellationToken => VmPort.OpenAsync(target.Client, target.Vm, port, cancellationToken), new MuxOptions { MaxStreams = 0 });
    }

    public MuxLink Link { get; }

    /// <summary>The port, for people.</summary>
    /// <exception cref="ControlException">There is no such port.</exception>
    public async Task<string> DescribeAsync(CancellationToken cancellationToken)
    {
        PortInfo port = await _target.Client.GetPortAsync(_target.Vm, _port, cancellationToken);
        return $"{PortText.Safe(_target.Vm)} {PortText.Name(port.Number, port.Protocol)}";
    }

    /// <summary>Opens a stream to the server.</summary>
    /// <exception cref="ControlException">Nobody answers in time, or the port cannot be had: the message says what to do.</exception>
    public async ValueTask<MuxStream> ConnectAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_patience);
        try
        {
            return await Link.OpenStreamAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ControlException(await WhySilentAsync(cancellationToken));
        }
    }

    public async ValueTask DisposeAsync() => await Link.DisposeAsync();

    private async Task<string> WhySilentAsync(CancellationToken cancellationToken)
    {
        PortInfo port = await _target.Client.GetPortAsync(_target.Vm, _port, cancellationToken);
        string name = $"{_target.Vm} {PortText.Name(port.Number, port.Protocol)}";
        string reason = port.IsGuestOpen ? "a program in the guest has the port open, and speaks no vmchannel mux: is it UseVmChannel or MuxChannel?"
            : port.IsReady ? "no program in the guest has the port open: start it there"
            : "the guest has no driver for the port (yet): is it running?";
        return string.Create(CultureInfo.InvariantCulture, $"{name}: no answer within {_patience.TotalSeconds:0.#} s: {reason}");
    }
}
