using System.Security.Cryptography;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Chardevs.Streams;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs.Streams;

/// <summary>A guest and another guest, through two TLS chardevs. Alone, because it counts what the process allocates.</summary>
[Collection("alone")]
public sealed class TlsTransferTests : IDisposable
{
    private const int Count = 64 << 20;

    private readonly TlsFolder _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Guests_OverTls_ExchangeEveryByteAndAllocateLittle()
    {
        using SerialRig serverRig = new();
        StreamEnd serverEnd = Plug(serverRig, $"tcp:127.0.0.1:0,server,tls-cert={_files.ServerPem}");
        using SerialRig clientRig = new();
        StreamEnd clientEnd = Plug(clientRig, $"tcp:127.0.0.1:{serverEnd.LocalAddress!.Port},tls-ca={_files.AuthorityPem}");
        using Guest server = new(serverRig);
        using Guest client = new(clientRig);
        server.Driver.Open(1);
        client.Driver.Open(1);
        byte[] there = TemporaryFolder.RandomBytes(Count);
        byte[] back = TemporaryFolder.RandomBytes(Count);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Task<byte[]> atServer = Task.Run(() => PortExchange.Run(server.Driver, 1, back, Count), TestContext.Current.CancellationToken);
        byte[] atClient = await Task.Run(() => PortExchange.Run(client.Driver, 1, there, Count), TestContext.Current.CancellationToken);
        byte[] received = await atServer;
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        Assert.Equal(SHA256.HashData(there), SHA256.HashData(received));
        Assert.Equal(SHA256.HashData(back), SHA256.HashData(atClient));

        // The test itself makes four arrays of this size; what goes through the two chardevs is not to be one more.
        Assert.InRange(allocated, 4L * Count, (4L * Count) + (Count / 2));
        Assert.Equal(0, serverEnd.LostBytes + clientEnd.LostBytes);
    }

    private static StreamEnd Plug(SerialRig rig, string options)
    {
        StreamEnd end = (StreamEnd)ChardevFactory.Create(ChardevRig.Parse(options), rig.Loop, rig.Log);
        rig.Plug(new PortSpec(1, "test.tls"), end);
        return end;
    }
}
