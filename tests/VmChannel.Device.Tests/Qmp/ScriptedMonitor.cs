using System.Net.Sockets;
using System.Text;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Qmp;

/// <summary>A peer on a monitor socket that says what no QEMU can be made to say.</summary>
internal sealed class ScriptedMonitor : IDisposable
{
    public const string Greeting = """{"QMP": {"version": {"qemu": {"micro": 0, "minor": 1, "major": 11}}, "capabilities": []}}""";

    private readonly string _folder = Directory.CreateTempSubdirectory("vmt").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private Socket? _peer;
    private StreamReader? _reader;

    public ScriptedMonitor()
    {
        string path = Path.Combine(_folder, "qmp.sock");
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        Assert.True(UnixAddress.TryCreate(path, isAbstract: false, isTight: true, out UnixAddress? address, out _));
        Address = address;
    }

    public UnixAddress Address { get; }

    public async Task AcceptAsync()
    {
        _peer = await _listener.AcceptAsync(TestContext.Current.CancellationToken);
        _reader = new StreamReader(new NetworkStream(_peer));
    }

    /// <summary>Greets, and answers qmp_capabilities.</summary>
    public async Task GreetAsync()
    {
        await AcceptAsync();
        await SayAsync(Greeting);
        Assert.Contains("qmp_capabilities", await HearAsync(), StringComparison.Ordinal);
        await SayAsync("""{"return": {}, "id": 1}""");
    }

    public Task SayAsync(string line) => SendAsync(Encoding.UTF8.GetBytes(line + "\r\n"));

    /// <summary>Sends bytes until the other side has enough of them.</summary>
    /// <returns>How many it took.</returns>
    public async Task<long> FloodAsync(byte[] bytes, int times)
    {
        long taken = 0;
        try
        {
            for (int i = 0; i < times; i++)
            {
                await SendAsync(bytes);
                taken += bytes.Length;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It hung up.
        }

        return taken;
    }

    public async Task<string> HearAsync() => await _reader!.ReadLineAsync(TestContext.Current.CancellationToken) ?? "";

    public void HangUp() => _peer!.Dispose();

    public void Dispose()
    {
        _reader?.Dispose();
        _peer?.Dispose();
        _listener.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task SendAsync(byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += await _peer!.SendAsync(bytes.AsMemory(sent), TestContext.Current.CancellationToken);
        }
    }
}
