using System.Net;
using System.Net.Sockets;
using VmChannel.Cli.CommandLine;
using VmChannel.Mux;

namespace VmChannel.Cli.Http;

/// <summary>Takes connections, and passes each to a server in a guest.</summary>
internal sealed class ForwardListener : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly Socket _socket;
    private readonly string? _path;
    private string? _lastTrouble;

    private ForwardListener(Socket socket, string? path)
    {
        _socket = socket;
        _path = path;
    }

    /// <summary>What a browser is told; for a unix socket its path.</summary>
    public string Url => _path is null ? $"http://{_socket.LocalEndPoint}/" : $"unix:{_path}";

    /// <exception cref="IOException">Somebody listens there already, or it may not be.</exception>
    public static ForwardListener Open(ForwardAddress address)
    {
        Socket socket = new(address.EndPoint.AddressFamily, SocketType.Stream, address.SocketPath is null ? ProtocolType.Tcp : ProtocolType.Unspecified);
        try
        {
            if (address.SocketPath is string path)
            {
                RemoveStale(path);
            }

            socket.Bind(address.EndPoint);
            if (address.SocketPath is string own)
            {
                File.SetUnixFileMode(own, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            socket.Listen();
            return new ForwardListener(socket, address.SocketPath);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException($"forward: cannot listen on {(object?)address.SocketPath ?? address.EndPoint}: {e.Message}", e);
        }
    }

    /// <summary>Passes connections until cancelled.</summary>
    public async Task RunAsync(GuestServer server, bool isVerbose, CancellationToken cancellationToken)
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await _socket.AcceptAsync(cancellationToken);
            }
            catch (SocketException e)
            {
                // As when no descriptor is left: whoever waits is let in once one is.
                Complain($"cannot accept a connection: {e.Message}; tries again");
                await Task.Delay(Pause, cancellationToken);
                continue;
            }

            _ = PassAsync(client, server, isVerbose, cancellationToken);
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        if (_path is not null)
        {
            File.Delete(_path);
        }
    }

    private async Task PassAsync(Socket client, GuestServer server, bool isVerbose, CancellationToken cancellationToken)
    {
        string who = client.RemoteEndPoint is IPEndPoint peer ? peer.ToString() : "a client";
        try
        {
            using NetworkStream local = new(client, ownsSocket: true);
            MuxStream remote;
            try
            {
                remote = await server.ConnectAsync(cancellationToken);
                _lastTrouble = null;
            }
            catch (IOException e)
            {
                client.LingerState = new LingerOption(true, 0);
                Complain(e.Message);
                return;
            }

            await using (remote)
            {
                ForwardedConnection connection = new(client, local, remote);
                try
                {
                    await connection.RunAsync(cancellationToken);
                }
                finally
                {
                    if (isVerbose)
                    {
                        StandardStream.WriteError($"vmchannel: {who}: {connection.FromGuest} bytes from the guest, {connection.ToGuest} to it\n");
                    }
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // One of the two sides has gone.
        }
    }

    /// <summary>A browser asks again and again: the same trouble is told once.</summary>
    private void Complain(string trouble)
    {
        if (Interlocked.Exchange(ref _lastTrouble, trouble) != trouble)
        {
            StandardStream.Complain(trouble);
        }
    }

    /// <summary>What a killed process left behind is nobody's; a socket somebody listens on is theirs.</summary>
    private static void RemoveStale(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused && (File.GetUnixFileMode(path), new FileInfo(path).Length) is (_, 0))
        {
            File.Delete(path);
        }
        catch (SocketException)
        {
            // Binding says what it is.
        }
    }
}
