using System.Net.Sockets;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>The host's end of one channel, a socket in the folder that this process takes for its devices.</summary>
internal sealed class SocketHost : IDisposable
{
    private static readonly string Folder = Directory.CreateTempSubdirectory("vmch-").FullName;
    private static int _last;

    private Socket? _listener;

    static SocketHost()
    {
        Environment.SetEnvironmentVariable("VMCHANNEL_DIR", Folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Folder, recursive: true);
    }

    public SocketHost(bool isListening = true)
    {
        Name = $"org.example.test{Interlocked.Increment(ref _last)}";
        if (isListening)
        {
            Listen();
        }
    }

    public string Name { get; }

    public string File => Path.Join(Folder, Name);

    public void Listen()
    {
        _listener?.Dispose();
        _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(File));
        _listener.Listen();
    }

    /// <summary>Connections are refused, and the file stays: a channel whose host's end is closed.</summary>
    public void StopListening()
    {
        _listener!.Dispose();

        // .NET removes the file of a socket that it has bound, when that is disposed.
        _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(File));
    }

    public async Task<NetworkStream> AcceptAsync() => new(await _listener!.AcceptAsync(TestContext.Current.CancellationToken), ownsSocket: true);

    public void Dispose()
    {
        _listener?.Dispose();
        System.IO.File.Delete(File);
    }
}
