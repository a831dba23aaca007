using System.Net.Sockets;
using VmChannel.Device.Channels;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs;

public sealed class UnixServerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string SocketPath => _folder["s"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Server_ClientThere_BytesFlowBothWays()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server,nowait");
        Assert.False(rig.On(() => rig.End.IsOpen));
        using Socket client = Connect();
        rig.WaitOpen();
        Assert.Contains($"process {Environment.ProcessId}", rig.On(() => rig.End.Detail), StringComparison.Ordinal);

        client.Send("from host"u8);
        Assert.Equal("from host"u8.ToArray(), rig.WaitReceived(9));
        rig.Send("from guest"u8.ToArray());
        Assert.Equal("from guest"u8.ToArray(), ReceiveExactly(client, 10));
    }

    [Fact]
    public void Client_TakesOneMessageAfterTheOther_DoesNotWakeTheLoopForIt()
    {
        const int Messages = 100;
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server,nowait");
        using Socket client = Connect();
        rig.WaitOpen();
        long before = rig.On(() => rig.Loop.Wakeups);
        for (int i = 0; i < Messages; i++)
        {
            rig.Send([1]);
            _ = ReceiveExactly(client, 1);
        }

        // At most one wake-up each is this test's own call.
        Assert.InRange(rig.On(() => rig.Loop.Wakeups) - before, 1, Messages * 5 / 4);
    }

    /// <summary>What is not watched while it is known is watched again when it matters.</summary>
    [Fact]
    public void Client_SlowThenFast_GetsEverything()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server,nowait");
        using Socket client = Connect();
        rig.WaitOpen();
        byte[] bytes = [.. Enumerable.Range(0, 4 << 20).Select(i => unchecked((byte)((i * 31) >> 7)))];
        foreach (byte[] part in bytes.Chunk(ChardevRig.BufferBytes))
        {
            rig.Send(part);
        }

        Assert.NotEqual(0, rig.Unsent());
        Assert.Equal(bytes, ReceiveExactly(client, bytes.Length));
        client.Send(bytes.AsSpan(0, 100_000));
        Assert.Equal(bytes.AsSpan(0, 100_000).ToArray(), rig.WaitReceived(100_000));
    }

    /// <summary>Descriptors between the bytes cut a read short though more is there, and nothing reports that again.</summary>
    [Fact]
    public void Client_SendsDescriptorsBetweenBytes_NothingIsLeftBehind()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server,nowait");
        Assert.True(UnixAddress.TryCreate(SocketPath, isAbstract: false, isTight: true, out UnixAddress? address, out _));
        _ = StreamSocket.Connect(address, out FileDescriptor? client).OrThrow("connect");
        using FileDescriptor socket = client!;
        _ = UnixSocket.Send(socket, [100]).OrThrow("send");
        _ = rig.WaitReceived(1);

        // On the loop's own thread, so that one report is for all of it.
        _ = rig.On(() =>
        {
            for (int i = 0; i < 10; i++)
            {
                _ = UnixSocket.Send(socket, [(byte)(2 * i)], [socket]).OrThrow("send");
                _ = UnixSocket.Send(socket, [(byte)((2 * i) + 1)]).OrThrow("send");
            }

            return true;
        });
        Assert.Equal([100, .. Enumerable.Range(0, 20).Select(i => (byte)i)], rig.WaitReceived(21));
    }

    [Fact]
    public void Server_Started_SocketFileBelongsToOwnerAlone()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
    }

    [Fact]
    public void Server_Disposed_SocketFileIsGone()
    {
        using (ChardevRig.Started($"unix:{SocketPath},server"))
        {
            Assert.True(Path.Exists(SocketPath));
        }

        Assert.True(_folder.IsEmpty);
    }

    [Fact]
    public void Server_FileReplacedBySomebodyElse_IsLeftAlone()
    {
        using (ChardevRig.Started($"unix:{SocketPath},server"))
        {
            File.Delete(SocketPath);
            File.WriteAllText(SocketPath, "mine");
        }

        Assert.Equal("mine", File.ReadAllText(SocketPath));
    }

    [Fact]
    public void Server_StaleSocketFile_IsReplaced()
    {
        using (Socket dead = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(_folder["dead"]));
            File.Move(_folder["dead"], SocketPath);
        }

        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server");
        using Socket client = Connect();
        rig.WaitOpen();
    }

    [Fact]
    public void Server_SocketInUse_SaysSoAndTouchesNothing()
    {
        using ChardevRig first = ChardevRig.Started($"unix:{SocketPath},server");
        using ChardevRig second = new($"unix:{SocketPath},server");
        HostEndException refused = Assert.Throws<HostEndException>(second.Start);
        Assert.Contains("in use", refused.Message, StringComparison.Ordinal);
        Assert.Contains(SocketPath, refused.Message, StringComparison.Ordinal);
        second.On(() =>
        {
            second.End.Dispose();
            return true;
        });

        using Socket client = Connect();
        client.Send("still here"u8);
        first.WaitReceived(10);
    }

    [Fact]
    public void Server_OrdinaryFileInTheWay_IsNotDeleted()
    {
        File.WriteAllText(SocketPath, "precious");
        using ChardevRig rig = new($"unix:{SocketPath},server");
        Assert.Contains("not a socket", Assert.Throws<HostEndException>(rig.Start).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(SocketPath));
    }

    [Fact]
    public void Server_FolderMissing_SaysWhatToDo()
    {
        using ChardevRig rig = new($"unix:{_folder["none/s"]},server");
        Assert.Contains("create its folder", Assert.Throws<HostEndException>(rig.Start).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unix:@{0},server")]
    [InlineData("socket,path={0},abstract=on,server=on")]
    public void Server_AbstractName_IsConnectedToWithoutAFile(string options)
    {
        string name = $"vmchannel-test-{Guid.NewGuid():N}";
        using ChardevRig rig = ChardevRig.Started(string.Format(System.Globalization.CultureInfo.InvariantCulture, options, name));
        using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint("\0" + name));
        client.Send("x"u8);
        rig.WaitReceived(1);
        Assert.True(_folder.IsEmpty);
    }

    [Fact]
    public void Server_SecondClient_WaitsUntilTheFirstLeft()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server");
        using Socket first = Connect();
        first.Send("1"u8);
        rig.WaitReceived(1);
        using Socket second = Connect();
        second.Send("2"u8);
        rig.Send("for the first"u8.ToArray());
        Assert.Equal("for the first"u8.ToArray(), ReceiveExactly(first, 13));
        Assert.Equal("1"u8.ToArray(), rig.Received());

        first.Dispose();
        Assert.Equal("12"u8.ToArray(), rig.WaitReceived(2));
        Assert.Equal([true, false, true], rig.On(() => rig.OpenHistory.ToArray()));
    }

    [Fact]
    public void Server_ClientWritesAndLeavesBeforeGuestOpens_BytesReachTheGuestLater()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server", isGuestOpen: false);
        byte[] early = TemporaryFolder.RandomBytes(50_000);
        using (Socket client = Connect())
        {
            client.Send(early);
        }

        using Socket next = Connect();
        next.Send("next"u8);
        rig.WaitOpen();
        Assert.Empty(rig.Received());

        rig.OpenGuest();
        Assert.Equal([.. early, .. "next"u8], rig.WaitReceived(early.Length + 4));
    }

    [Fact]
    public void Server_ClientGoneWithNothingUnread_ClosesAtOnceThoughGuestIsClosed()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server", isGuestOpen: false);
        using (Socket client = Connect())
        {
            rig.WaitOpen();
        }

        rig.WaitOpen(false);
    }

    [Fact]
    public void Server_ClientStopsSending_StillReceives()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server");
        using Socket client = Connect();
        client.Send("last words"u8);
        client.Shutdown(SocketShutdown.Send);
        rig.WaitReceived(10);

        byte[] answer = TemporaryFolder.RandomBytes(3_000_000);
        rig.Send(answer);
        Assert.Equal(answer, ReceiveExactly(client, answer.Length));
        Assert.True(rig.On(() => rig.End.IsOpen));
        client.Dispose();
        rig.WaitOpen(false);
    }

    [Fact]
    public void Server_ClientStopsReceiving_ClosesAndGuestKeepsItsBytes()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server");
        using Socket client = Connect();
        client.Send("x"u8);
        rig.WaitReceived(1);
        client.Shutdown(SocketShutdown.Receive);
        byte[] held = TemporaryFolder.RandomBytes(100_000);
        rig.Send(held);
        rig.WaitOpen(false);
        Assert.Equal(held.Length, rig.Unsent());

        using Socket next = Connect();
        Assert.Equal(held, ReceiveExactly(next, held.Length));
        Assert.Equal(0, rig.Unsent());
    }

    [Fact]
    public void Server_SlowClient_LosesNothing()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server");
        using Socket client = Connect();
        rig.WaitOpen();
        byte[] sent = TemporaryFolder.RandomBytes(8_000_000);
        rig.Send(sent);
        Assert.InRange(rig.Unsent(), 1, sent.Length - 1);
        Assert.Equal(sent, ReceiveExactly(client, sent.Length));
        rig.WaitSent();
    }

    [Fact]
    public void Server_ClientLeavesInMidTransfer_TheRestWaitsForTheNext()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server");
        byte[] sent = TemporaryFolder.RandomBytes(4_000_000);
        long untaken;
        using (Socket client = Connect())
        {
            rig.WaitOpen();
            rig.Send(sent);
            _ = ReceiveExactly(client, 100_000);
        }

        rig.WaitOpen(false);
        untaken = rig.Unsent();
        using Socket next = Connect();
        Assert.Equal(sent[^(int)untaken..], ReceiveExactly(next, (int)untaken));
        rig.WaitSent();
    }

    [Fact]
    public void Server_Wait_IsReadyWithTheFirstClient()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server,wait");
        Task ready = ((VmChannel.Device.Chardevs.Chardev)rig.End).Ready;
        Assert.False(ready.IsCompleted);
        using Socket client = Connect();
        rig.WaitFor(() => ready.IsCompletedSuccessfully, "readiness");
    }

    [Fact]
    public void Server_Idle_DoesNotWakeTheLoop()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{SocketPath},server");
        using Socket client = Connect();
        rig.WaitOpen();
        long before = rig.On(() => rig.Loop.Wakeups);
        _ = TestContext.Current.CancellationToken.WaitHandle.WaitOne(200);
        Assert.InRange(rig.On(() => rig.Loop.Wakeups) - before, 0, 2);
    }

    internal static byte[] ReceiveExactly(Socket socket, int count)
    {
        byte[] bytes = new byte[count];
        socket.ReceiveTimeout = 20_000;
        for (int at = 0; at < count;)
        {
            int got = socket.Receive(bytes.AsSpan(at));
            Assert.True(got > 0, $"the socket ended after {at} of {count} bytes");
            at += got;
        }

        return bytes;
    }

    internal static Socket Connect(string path)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private Socket Connect() => Connect(SocketPath);
}
