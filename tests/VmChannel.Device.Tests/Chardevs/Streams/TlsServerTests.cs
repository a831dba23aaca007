using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Chardevs.Streams;
using VmChannel.Device.Chardevs.Tls;
using VmChannel.Device.Pipes;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs.Streams;

public sealed class TlsServerTests : IDisposable
{
    private readonly TlsFolder _files = new();

    private string Options => $"tcp:127.0.0.1:0,server,tls-cert={_files.ServerPem}";

    private string Strict => $"{Options},tls-ca={_files.AuthorityPem}";

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task Client_ThatTrustsTheServer_BytesFlowBothWays()
    {
        using ChardevRig rig = ChardevRig.Started(Options);
        await using TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority);
        byte[] toHost = TemporaryFolder.RandomBytes(3_000_000);
        byte[] toGuest = TemporaryFolder.RandomBytes(3_000_001);
        rig.Send(toHost);
        Task writing = client.WriteAsync(toGuest);
        Assert.Equal(toHost, await client.ReadAsync(toHost.Length));
        await writing;
        Assert.Equal(toGuest, rig.WaitReceived(toGuest.Length));
        rig.WaitSent();
    }

    [Fact]
    public async Task Client_WithACertificateOfTheAuthority_IsServedByItsName()
    {
        using ChardevRig rig = ChardevRig.Started(Strict);
        using X509Certificate2 alice = _files.Authority.Issue("alice");
        await using TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority, alice);
        await client.WriteAsync("hello"u8.ToArray());
        Assert.Equal("hello"u8.ToArray(), rig.WaitReceived(5));
        Assert.Contains("certificate of alice", rig.On(() => rig.End.Detail), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("none", "it has no certificate")]
    [InlineData("expired", "is not valid here")]
    [InlineData("other authority", "is not valid here")]
    [InlineData("for a server", "is not valid here")]
    [InlineData("not allowed", "which tls-allow= does not name")]
    [InlineData("unit only", "which tls-allow= does not name")]
    public async Task Client_WithoutAValidCertificate_IsRefusedAndTheNextOneServed(string kind, string reason)
    {
        using ChardevRig rig = ChardevRig.Started($"{Strict},tls-allow=alice/bob");
        using X509Certificate2? wrong = kind switch
        {
            "expired" => _files.Authority.Issue("alice", validDays: -1),
            "other authority" => _files.OtherAuthority.Issue("alice"),
            "for a server" => _files.Authority.Issue("alice", "alice"),
            "unit only" => _files.Authority.IssueFor("OU=alice"),
            "not allowed" => _files.Authority.Issue("mallory"),
            _ => null,
        };

        // With TLS 1.3 a client learns of it only when it reads.
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            await using TlsClient refused = await TlsClient.ConnectAsync(rig, _files.Authority, wrong);
            _ = await refused.ReadAsync(1);
        });
        Until(() => rig.End.RefusedPeers == 1, "the refusal");
        Until(() => rig.Log.Lines.Any(line => line.Contains(reason, StringComparison.Ordinal)), $"a line about '{reason}' in: {string.Join('\n', rig.Log.Lines)}");
        Assert.Contains(reason, rig.On(() => rig.End.LastRefused), StringComparison.Ordinal);
        Assert.False(rig.On(() => rig.End.IsOpen));
        using X509Certificate2 right = _files.Authority.Issue("bob");
        await using TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority, right);
        rig.WaitOpen();
    }

    [Fact]
    public async Task Clients_ThatAreRefused_FillNoLog()
    {
        using ChardevRig rig = ChardevRig.Started(Options);
        for (int i = 0; i < 30; i++)
        {
            using Socket client = await TlsClient.ConnectAsync(rig);
            _ = client.Send("GET / HTTP/1.0\r\n\r\n"u8);
        }

        Until(() => rig.End.RefusedPeers == 30, "all to be refused");
        Assert.InRange(rig.Log.Lines.Count(line => line.Contains("refused", StringComparison.Ordinal)), 1, 3);
        await using TlsClient right = await TlsClient.ConnectAsync(rig, _files.Authority);
        rig.WaitOpen();
    }

    [Fact]
    public async Task Client_ThatSaysNothing_HoldsUpNobodyAndIsDropped()
    {
        ChardevSpec.Tcp spec = (ChardevSpec.Tcp)ChardevRig.Parse(Options);
        using ChardevRig rig = new((loop, log) => new StreamEnd(
            new StreamServer(spec, new StreamLayers(new TlsLayer(spec.Tls!, "", isServer: true, "tls", log), null), log) { HandshakeTimeout = TimeSpan.FromSeconds(5) },
            loop,
            log));
        rig.Start();
        using Socket silent = await TlsClient.ConnectAsync(rig);
        await using TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority);
        rig.WaitOpen();
        Assert.Equal(0, await silent.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Until(() => rig.Log.Lines.Any(line => line.Contains("no handshake within 5 s", StringComparison.Ordinal)), "the reason in the log");
    }

    [Fact]
    public async Task Client_WhileAnotherIsServed_WaitsForItsTurn()
    {
        using ChardevRig rig = ChardevRig.Started(Options);
        TlsClient first = await TlsClient.ConnectAsync(rig, _files.Authority);
        await first.WriteAsync("1"u8.ToArray());
        rig.WaitReceived(1);
        await using TlsClient second = await TlsClient.ConnectAsync(rig, _files.Authority);
        await second.WriteAsync("2"u8.ToArray());
        rig.Send("for the first"u8.ToArray());
        Assert.Equal("for the first"u8.ToArray(), await first.ReadAsync(13));
        Assert.Equal("1"u8.ToArray(), rig.Received());
        await first.DisposeAsync();
        Assert.Equal("12"u8.ToArray(), rig.WaitReceived(2));
        rig.Send("for the second"u8.ToArray());
        Assert.Equal("for the second"u8.ToArray(), await second.ReadAsync(14));
        Assert.Equal([true, false, true], rig.On(() => rig.OpenHistory.ToArray()));
    }

    [Fact]
    public async Task Client_EndsItsSide_ClosesAfterEverythingWasRead()
    {
        using ChardevRig rig = ChardevRig.Started(Options, isGuestOpen: false);
        byte[] early = TemporaryFolder.RandomBytes(60_000);
        await using TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority);
        await client.WriteAsync(early);
        await client.Stream.ShutdownAsync();
        client.Socket.Shutdown(SocketShutdown.Send);
        rig.WaitOpen();
        rig.OpenGuest();
        Assert.Equal(early, rig.WaitReceived(early.Length));
        rig.WaitOpen(false);
        Assert.Equal(0, await client.Stream.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Client_ThatDoesNotRead_HoldsTheGuestBackAndLosesNothing()
    {
        using ChardevRig rig = ChardevRig.Started(Options);
        await using TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority);
        byte[] sent = TemporaryFolder.RandomBytes(32 << 20);
        rig.Send(sent);
        rig.WaitOpen();
        long unsent = long.MaxValue;
        Until(
            () =>
            {
                long before = unsent;
                unsent = rig.Unsent();
                return unsent == before && ((StreamEnd)rig.End).HeldBytes == LoopPipe.CapacityBytes;
            },
            "everything to be full");
        Assert.True(unsent > sent.Length / 2, $"{unsent} bytes held back");
        Assert.Equal(sent, await client.ReadAsync(sent.Length));
        rig.WaitSent();
    }

    [Fact]
    public async Task Client_ThatDies_LeavesTheRestForTheNextOne()
    {
        using ChardevRig rig = ChardevRig.Started(Options);
        StreamEnd end = (StreamEnd)rig.End;
        byte[] sent = TemporaryFolder.RandomBytes(8 << 20);
        TlsClient first = await TlsClient.ConnectAsync(rig, _files.Authority);
        rig.Send(sent);
        byte[] begin = await first.ReadAsync(1 << 20);
        Assert.Equal(sent[..begin.Length], begin);
        Until(() => end.HeldBytes == LoopPipe.CapacityBytes, "everything to be full");
        first.Socket.LingerState = new LingerOption(true, 0);
        first.Socket.Dispose();
        rig.WaitOpen(false);
        await using TlsClient second = await TlsClient.ConnectAsync(rig, _files.Authority);
        byte[] mark = TemporaryFolder.RandomBytes(64);
        rig.Send(mark);
        List<byte> rest = [];
        byte[] buffer = new byte[65536];
        while (!CollectionsMarshal.AsSpan(rest).EndsWith(mark))
        {
            int count = await second.Stream.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
            Assert.NotEqual(0, count);
            rest.AddRange(buffer.AsSpan(0, count));
        }

        // A tail of what was sent, without a gap; what is missing was in the dead client's sockets, or in the one counted write.
        int tail = rest.Count - mark.Length;
        Assert.Equal(sent[^tail..], rest[..tail]);
        Assert.InRange(end.LostBytes, 0, LoopPipe.PieceBytes);
    }

    [Fact]
    public async Task Retire_WhileAClientIsServed_LetsNobodyNewInAndKeepsWhatItSent()
    {
        using ChardevRig rig = ChardevRig.Started(Options, isGuestOpen: false);
        int port = TlsClient.Address(rig).Port;
        await using TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority);
        await client.WriteAsync("early"u8.ToArray());
        rig.WaitFor(() => rig.End.HasInput, "what the client sent");
        byte[] toHost = TemporaryFolder.RandomBytes(50_000);
        rig.Send(toHost);
        Assert.Equal(5, rig.On(rig.End.Retire));
        using (Socket late = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            Assert.Equal(SocketError.ConnectionRefused, Assert.Throws<SocketException>(() => late.Connect("127.0.0.1", port)).SocketErrorCode);
        }

        using ChardevRig next = ChardevRig.Started(Options.Replace(":0,", $":{port},", StringComparison.Ordinal));
        await using TlsClient nextClient = await TlsClient.ConnectAsync(next, _files.Authority);
        next.WaitOpen();
        Assert.Equal(toHost, await client.ReadAsync(toHost.Length));
        Assert.Equal(0, await client.Stream.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        Assert.Equal(0, rig.On(() => rig.End.Write([rig.Buffer(0, 100)])));
        rig.OpenGuest();
        Assert.Equal("early"u8.ToArray(), rig.WaitReceived(5));
        Assert.Equal(0, rig.End.LostBytes);
    }

    [Fact]
    public async Task Retire_BytesThatNobodyCameFor_AreCountedAsLost()
    {
        using ChardevRig rig = ChardevRig.Started(Options);
        StreamEnd end = (StreamEnd)rig.End;
        long told = 0;
        end.Lost = bytes => Interlocked.Add(ref told, bytes);
        TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority);
        rig.Send(TemporaryFolder.RandomBytes(32 << 20));
        rig.WaitOpen();
        Until(() => end.HeldBytes == LoopPipe.CapacityBytes, "everything to be full");
        client.Socket.LingerState = new LingerOption(true, 0);
        client.Socket.Dispose();
        rig.WaitOpen(false);
        long held = end.HeldBytes;
        Assert.Equal(0, rig.On(end.Retire));
        await end.Completion.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.InRange(end.LostBytes, held, held + LoopPipe.PieceBytes);
        Assert.Equal(end.LostBytes, told);
        Assert.Contains(rig.Log.Lines, line => line.Contains("bytes of the guest that nobody came for", StringComparison.Ordinal));
    }

    /// <summary>The end is stopped at every moment of a client's coming and going.</summary>
    [Fact]
    public async Task Dispose_WhileClientsComeAndGo_Ends()
    {
        for (int i = 0; i < 20; i++)
        {
            ChardevRig rig = ChardevRig.Started(Options);
            Task coming = Task.Run(
                async () =>
                {
                    await using TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority);
                },
                TestContext.Current.CancellationToken);
            if (i % 2 == 0)
            {
                await coming;
            }

            rig.Dispose();
            await rig.End.Completion.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
            await coming.ContinueWith(_ => { }, TestContext.Current.CancellationToken, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    [Fact]
    public void Start_FilesThatCannotBeUsed_SaysWhichAndWhy()
    {
        using X509Certificate2 other = _files.Authority.Issue("other", "other.example");
        using X509Certificate2 expired = _files.Authority.Issue("old", "server.example", validDays: -1);
        string otherKey = _files.Write(TestAuthority.KeyPemOf(other));
        string bare = _files.Write(_files.Authority.Pem);
        (string Options, string Error)[] cases =
        [
            ("tls-cert=/nowhere/at.all", "tls-cert=/nowhere/at.all: there is no such file"),
            ($"tls-cert={bare}", "there is no private key in it: say where it is with tls-key="),
            ($"tls-cert={otherKey}", "there is no certificate in it"),
            ($"tls-cert={_files.ServerPem},tls-key={otherKey}", "the key does not belong to the certificate"),
            ($"tls-cert={_files.Write(expired)}", "expired on 20"),
            ($"tls-cert={_files.ServerPem},tls-ca={otherKey}", "tls-ca="),
            ($"tls-cert={_files.ServerPem},tls-ca=/nowhere", "tls-ca=/nowhere: there is no such file"),
        ];
        foreach ((string options, string error) in cases)
        {
            using ChardevRig rig = new($"tcp:127.0.0.1:0,server,{options}");
            Assert.Contains(error, Assert.Throws<HostEndException>(rig.Start).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Files_Renewed_AreUsedByTheNextConnection()
    {
        using ChardevRig rig = ChardevRig.Started(Options);
        await using TlsClient before = await TlsClient.ConnectAsync(rig, _files.Authority);
        await File.WriteAllTextAsync(_files.ServerPem, "nonsense", TestContext.Current.CancellationToken);
        await using TlsClient during = await TlsClient.ConnectAsync(rig, _files.Authority);
        Assert.Contains(rig.Log.Lines, line => line.Contains("the old ones stay in use", StringComparison.Ordinal));
        using X509Certificate2 renewed = _files.OtherAuthority.Issue("server", "server.example");
        await File.WriteAllTextAsync(_files.ServerPem, TestAuthority.PemOf(renewed), TestContext.Current.CancellationToken);
        await using TlsClient after = await TlsClient.ConnectAsync(rig, _files.OtherAuthority);
        Assert.Contains(rig.Log.Lines, line => line.Contains("the new ones are used", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Dispose_BytesHeldForAClient_AreSentFirst()
    {
        ChardevRig rig = ChardevRig.Started(Options);
        await using TlsClient client = await TlsClient.ConnectAsync(rig, _files.Authority);
        byte[] sent = TemporaryFolder.RandomBytes(50_000);
        rig.Send(sent);
        rig.WaitSent();
        rig.Dispose();
        Assert.Equal(sent, await client.ReadAsync(sent.Length));
        Assert.Equal(0, await client.Stream.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        await rig.End.Completion.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    private static void Until(Func<bool> condition, string what)
    {
        Stopwatch watch = Stopwatch.StartNew();
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), $"waited {watch.Elapsed.TotalSeconds:F0} s for {what}");
    }
}
