using System.Net.Sockets;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary>A server's clients, over real sockets.</summary>
public sealed class SeveralClientsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SerialRig _rig = new();
    private readonly List<Socket> _sockets = [];

    private Port Port => _rig.Ports[1];

    public void Dispose()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _rig.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Broadcast_SixtyFourClientsOneStuck_TheOthersGetEverything()
    {
        const int Count = 64;
        using Guest guest = Serve(new ClientsSpec(Count, ClientMode.Broadcast, AllMayWrite: false));
        Socket[] clients = [.. Enumerable.Range(0, Count).Select(_ => Connect())];
        WaitClients(Count);
        for (int round = 0; round < 30; round++)
        {
            byte[] bytes = Guest.Bytes(100_000, round);
            guest.Driver.Write(1, bytes);
            Assert.All(clients.Where((_, i) => i != 20), client => Assert.Equal(bytes, UnixServerTests.ReceiveExactly(client, bytes.Length)));
        }

        WaitClients(Count - 1);
        Assert.True(_rig.Log.Contains("client 21 dropped"));
        Assert.True(_rig.Thread.Invoke(() => Port.Clients[0].IsHolder));
    }

    /// <summary>It holds the channel, so the guest waits for it, as it would for the only one.</summary>
    [Fact]
    public void Broadcast_StuckHolder_GuestWaitsUntilItLeaves()
    {
        using Guest guest = Serve(new ClientsSpec(2, ClientMode.Broadcast, AllMayWrite: false));
        Socket holder = Connect();
        WaitClients(1);
        Socket follower = Connect();
        WaitClients(2);
        byte[] stream = Guest.Bytes(2_000_000, 2);
        Thread writer = new(() => guest.Driver.Write(1, stream));
        writer.Start();
        byte[] received = [];
        Thread reader = new(() => received = UnixServerTests.ReceiveExactly(follower, stream.Length));
        reader.Start();
        Wait.Until(() => _rig.Thread.Invoke(() => Port.Counters.FromGuestBytes) > 100_000, "the holder to be full");
        _rig.Thread.Settle();
        Assert.InRange(_rig.Thread.Invoke(() => Port.Counters.FromGuestBytes), 100_000, stream.Length - 1);
        holder.Dispose();
        reader.Join();
        writer.Join();
        Assert.Equal(stream, received);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Broadcast_ClientsWrite_FirstOrAllAreHeard(bool all)
    {
        using Guest guest = Serve(new ClientsSpec(4, ClientMode.Broadcast, AllMayWrite: all));
        Socket first = Connect();
        WaitClients(1);
        Socket second = Connect();
        WaitClients(2);
        second.Send("second"u8);
        if (all)
        {
            Assert.Equal("second"u8.ToArray(), guest.Driver.Receive(1, 6));
        }
        else
        {
            Wait.Until(() => Port.Clients[1].Counters.DroppedInputBytes == 6, "the drop");
        }

        first.Send("first"u8);
        Assert.Equal("first"u8.ToArray(), guest.Driver.Receive(1, 5));
        first.Dispose();
        WaitClients(1);
        second.Send("promoted"u8);
        Assert.Equal("promoted"u8.ToArray(), guest.Driver.Receive(1, 8));
    }

    /// <summary>One that may not write and never stops does not keep the others from their turns.</summary>
    [Fact]
    public void Broadcast_FloodOfOneWhoMayNotWrite_OthersAreServed()
    {
        using Guest guest = Serve(new ClientsSpec(2, ClientMode.Broadcast, AllMayWrite: false));
        Socket first = Connect();
        WaitClients(1);
        Socket flooder = Connect();
        WaitClients(2);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Thread flood = new(() =>
        {
            byte[] bytes = new byte[100_000];
            while (!stop.IsCancellationRequested)
            {
                _ = flooder.Send(bytes);
            }
        });
        flood.Start();
        Wait.Until(() => Port.Clients[1].Counters.DroppedInputBytes > 10_000_000, "the flood");
        guest.Driver.Write(1, [42]);
        Assert.Equal([42], UnixServerTests.ReceiveExactly(first, 1));
        stop.Cancel();
        flood.Join();
        flooder.Dispose();
        WaitClients(1);
    }

    /// <summary>What it had sent waits for the guest to want it; the others do not wait for that.</summary>
    [Fact]
    public void Broadcast_HolderLeftWithBytesUnread_TheOthersAreServed()
    {
        ClientsSpec two = new(2, ClientMode.Broadcast, AllMayWrite: false);
        Assert.True(UnixAddress.TryCreate(_folder["s"], isAbstract: false, isTight: true, out UnixAddress? address, out _));
        _rig.Plug(new PortSpec(1, "several"), new UnixServer(_rig.Loop, address, waitsForClient: false, _rig.Log) { Clients = two });
        using Guest guest = new(_rig);
        Socket holder = Connect();
        WaitClients(1);
        Socket next = Connect();
        WaitClients(2);
        holder.Send("typed"u8);
        holder.Dispose();
        WaitClients(1);
        guest.Driver.Write(1, "log"u8);
        Assert.Equal("log"u8.ToArray(), UnixServerTests.ReceiveExactly(next, 3));
        next.Send(" more"u8);
        guest.Driver.Open(1);
        Assert.Equal("typed more"u8.ToArray(), guest.Driver.Receive(1, 10));
    }

    /// <summary>More of them than are kept besides the clients: the rest keep their seats, and nobody's bytes are lost.</summary>
    [Fact]
    public void Broadcast_ManyLeaveBeforeTheGuestReads_EveryByteIsKept()
    {
        const int Count = 14;
        Assert.True(UnixAddress.TryCreate(_folder["s"], isAbstract: false, isTight: true, out UnixAddress? address, out _));
        ClientsSpec eight = new(8, ClientMode.Broadcast, AllMayWrite: true);
        _rig.Plug(new PortSpec(1, "several"), new UnixServer(_rig.Loop, address, waitsForClient: false, _rig.Log) { Clients = eight });
        using Guest guest = new(_rig);
        Socket stays = Connect();
        WaitClients(1);
        for (int i = 0; i < Count; i++)
        {
            int id = i + 2;
            Socket client = Connect();
            Wait.Until(() => Port.Clients.Any(served => served.Id == id), $"client {id}");
            client.Send([(byte)i]);
            client.Dispose();
            Wait.Until(() => id > 9 || Port.Clients.Count == 1, $"client {id} to be gone");
        }

        Wait.Until(() => Port.Clients.Count == 1 + Count - 8, "eight to be kept elsewhere");
        guest.Driver.Write(1, "on"u8);
        Assert.Equal("on"u8.ToArray(), UnixServerTests.ReceiveExactly(stays, 2));
        guest.Driver.Open(1);
        Assert.Equal(Enumerable.Range(0, Count).Select(i => (byte)i), guest.Driver.Receive(1, Count).Order());
        WaitClients(1);
        Assert.Equal(0, Port.Counters.LostToGuestBytes);
    }

    [Fact]
    public void First_OthersWaitInOrder_AndThoseWhoLeaveLoseTheirPlace()
    {
        using Guest guest = Serve(new ClientsSpec(4, ClientMode.First, AllMayWrite: false));
        _rig.Thread.Invoke(() => Port.Apply(Port.Spec with { Limits = Port.Spec.Limits with { HistoryBytes = 5 } }));
        Socket[] clients = new Socket[4];
        for (int i = 0; i < clients.Length; i++)
        {
            clients[i] = Connect();
            WaitClients(i + 1);
        }

        Assert.Equal([false, true, true, true], Port.Clients.Select(client => client.IsWaiting));
        clients[2].Send("third"u8);
        guest.Driver.Write(1, "0123456789"u8);
        Assert.Equal("0123456789"u8.ToArray(), UnixServerTests.ReceiveExactly(clients[0], 10));
        clients[1].Dispose();
        WaitClients(3);
        clients[0].Send("bye"u8);
        clients[0].Dispose();
        Assert.Equal("byethird"u8.ToArray(), guest.Driver.Receive(1, 8));
        Assert.Equal("56789"u8.ToArray(), UnixServerTests.ReceiveExactly(clients[2], 5));
        Assert.Equal(0, clients[3].Available);
        WaitClients(2);
    }

    [Fact]
    public void Count_IsReached_TheNextWaitsUnaccepted()
    {
        using Guest guest = Serve(new ClientsSpec(2, ClientMode.Broadcast, AllMayWrite: false));
        Socket first = Connect();
        _ = Connect();
        WaitClients(2);
        _ = Connect();
        _rig.Thread.Settle();
        Assert.Equal(2, Port.Clients.Count);
        Assert.Equal([1, 2], Port.Clients.Select(client => client.Id));
        first.Dispose();
        Wait.Until(() => Port.Clients.Select(client => client.Id).SequenceEqual([2, 3]), "the third to be taken");
    }

    [Fact]
    public void Unplugged_EveryClientSeesTheEnd()
    {
        using Guest guest = Serve(new ClientsSpec(3, ClientMode.Broadcast, AllMayWrite: false));
        Socket[] clients = [Connect(), Connect(), Connect()];
        WaitClients(3);
        _rig.Unplug(1);
        Assert.All(clients, client => Assert.Equal(0, client.Receive(new byte[1])));
    }

    [Fact]
    public void Replaced_ClientsOfTheOldServerLeave_ThoseAttachedStay()
    {
        using Guest guest = Serve(new ClientsSpec(3, ClientMode.Broadcast, AllMayWrite: false));
        Socket first = Connect();
        WaitClients(1);
        Socket second = Connect();
        WaitClients(2);
        (Socket attached, _) = Attach(ClientAccess.Shared);
        WaitClients(3);
        first.Send("last words"u8);
        ScriptedEnd next = new();
        _rig.Thread.Invoke(() =>
        {
            Port.Replace(next);
            next.Connect(true);
            next.Give("new"u8);
        });
        WaitClients(1);
        Assert.Equal("last wordsnew"u8.ToArray(), guest.Driver.Receive(1, 13));
        Assert.Equal(0, first.Receive(new byte[1]));
        Assert.Equal(0, second.Receive(new byte[1]));
        guest.Driver.Write(1, "go on"u8);
        Assert.Equal("go on"u8.ToArray(), UnixServerTests.ReceiveExactly(attached, 5));
        Wait.Until(() => _rig.Thread.Invoke(() => next.TakenCount) == 5, "the new end");
    }

    [Fact]
    public void Attached_ToAFileEnd_ObservesAndWritesWhenItMay()
    {
        _rig.Plug(new PortSpec(1, "file"), new FileChardev(_rig.Loop, _folder["out"], append: false, inputPath: null, _rig.Log));
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        (Socket observer, _) = Attach(ClientAccess.Observer);
        (Socket writer, _) = Attach(ClientAccess.Writer);
        guest.Driver.Write(1, "to both"u8);
        Assert.Equal("to both"u8.ToArray(), UnixServerTests.ReceiveExactly(observer, 7));
        Assert.Equal("to both"u8.ToArray(), File.ReadAllBytes(_folder["out"]));
        observer.Send("unheard"u8);
        writer.Send("heard"u8);
        Assert.Equal("heard"u8.ToArray(), guest.Driver.Receive(1, 5));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Console_WithSeveralClients_NeverLetsTheGuestWait(bool isHolderStuck)
    {
        ScriptedEnd host = _rig.Plug(new PortSpec(1, null, IsConsole: true), isHostOpen: false);
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Write(1, "boot "u8);
        _rig.Thread.Settle();
        (Socket client, _) = Attach(ClientAccess.Shared);
        Assert.Equal("boot "u8.ToArray(), UnixServerTests.ReceiveExactly(client, 5));
        _rig.Thread.Invoke(() =>
        {
            host.Allowance = isHolderStuck ? 10 : long.MaxValue;
            host.Connect(true);
        });
        byte[] output = Guest.Bytes(200_000, 9);
        guest.Driver.Write(1, output);
        Assert.Equal(output, UnixServerTests.ReceiveExactly(client, output.Length));
        Assert.Equal(isHolderStuck ? 10 : output.Length, _rig.Thread.Invoke(() => host.TakenCount));
        Assert.Equal(0, _rig.Thread.Invoke(() => Port.DroppedBytes));
        guest.Driver.Write(1, Guest.Bytes(2_000_000, 10));
        Wait.Until(() => _rig.Thread.Invoke(() => Port.Counters.FromGuestBytes) == 2_200_005, "the guest to go on");
        Assert.Equal(isHolderStuck, _rig.Thread.Invoke(() => Port.DroppedBytes) > 0);
    }

    [Fact]
    public void Broadcast_SteadyState_AllocatesNothing()
    {
        ScriptedEnd host = _rig.Plug(1);
        host.DiscardsTaken = true;
        ScriptedEnd[] clients = [.. Enumerable.Range(0, 3).Select(_ => new ScriptedEnd { DiscardsTaken = true })];
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        _rig.Thread.Invoke(() =>
        {
            foreach (ScriptedEnd client in clients)
            {
                _ = Port.AddClient(client, ClientAccess.Shared);
                client.Connect(true);
            }
        });
        Send(500);
        long before = _rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread);
        Send(10_000);
        long allocated = _rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread) - before;

        // What the questions to the loop allocate does not grow with the messages.
        Assert.InRange(allocated, 0, 10_000);

        void Send(int count)
        {
            long goal = clients[2].TakenCount + (count * 100);
            byte[] message = new byte[100];
            for (int i = 0; i < count; i++)
            {
                guest.Driver.Write(1, message);
            }

            Wait.Until(() => clients[2].TakenCount == goal, "the messages");
        }
    }

    private Guest Serve(ClientsSpec clients)
    {
        Assert.True(UnixAddress.TryCreate(_folder["s"], isAbstract: false, isTight: true, out UnixAddress? address, out _));
        _rig.Plug(new PortSpec(1, "several"), new UnixServer(_rig.Loop, address, waitsForClient: false, _rig.Log) { Clients = clients });
        Guest guest = new(_rig);
        guest.Driver.Open(1);
        return guest;
    }

    private Socket Connect()
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        _sockets.Add(socket);
        socket.Connect(new UnixDomainSocketEndPoint(_folder["s"]));
        return socket;
    }

    /// <summary>A connection that was made elsewhere.</summary>
    private (Socket Socket, HostEnd End) Attach(ClientAccess access)
    {
        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        _ = FileDescriptor.Duplicate(theirs.Number, out FileDescriptor? handle);
        theirs.Dispose();
        Socket socket = new(new SafeSocketHandle(handle!.Number, ownsHandle: true)) { ReceiveTimeout = 20_000 };
        handle.SetHandleAsInvalid();
        _sockets.Add(socket);
        ConnectedChardev end = new(_rig.Loop, ours, "attached", _rig.Log);
        _ = _rig.Thread.Invoke(() => Port.AddClient(end, access));
        return (socket, end);
    }

    private void WaitClients(int count) => Wait.Until(() => Port.Clients.Count == count, $"{count} clients");
}
