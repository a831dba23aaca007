using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>A connection that exists already: one of several clients of a server, or one that was handed over.</summary>
/// <param name="loop">The loop that serves it.</param>
/// <param name="connection">A connected socket, or another two-way descriptor; owned from here on.</param>
/// <param name="description">Who is at its other end, for people.</param>
/// <param name="log">Receives what goes wrong.</param>
public sealed class ConnectedChardev(DeviceLoop loop, FileDescriptor connection, string description, ILogger log) : Chardev(loop, log)
{
    public override string Description => description;

    /// <summary>It is TCP: when the other side ends what it sends it is gone.</summary>
    public bool IsTcp { get; init; }

    /// <summary>Called once, when the connection is closed.</summary>
    public Action? Closed { get; set; }

    /// <summary>Any thread: why the channel ended the connection, for people; null while it has not.</summary>
    public string? EndReason
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    }

    protected override bool EndOfInputCloses => IsTcp;

    public override void EndConnection(string reason)
    {
        EndReason = reason;
        base.EndConnection(reason);
    }

    protected override void OnStart() => Attach(connection, connection, description);

    protected override void OnDetached() => TellClosed();

    /// <summary>Its seat is free: how many ends wait for the guest to read is the channel's to limit.</summary>
    protected override void OnRetired() => TellClosed();

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!IsLingering)
        {
            connection.Dispose();
        }

        TellClosed();
    }

    private void TellClosed()
    {
        Action? closed = Closed;
        Closed = null;
        closed?.Invoke();
    }
}
