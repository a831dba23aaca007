using System.Net;
using System.Net.Sockets;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Chardevs.Streams;
using VmChannel.Device.Events;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Device.Tests.Chardevs.Streams;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary><c>on-guest-close=disconnect</c>: each opening in the guest is a connection of its own, over real sockets and rings.</summary>
public sealed class GuestCloseTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TlsFolder _tls = new();
    private readonly SerialRig _rig = new();
    private readonly List<IDisposable> _peers = [];
    private Func<IPEndPoint>? _address;
    private Guest? _guest;

    private Port Port => _rig.Ports[1];

    private SerialDriver Driver => _guest!.Driver;

    public void Dispose()
    {
        _peers.ForEach(peer => peer.Dispose());
        _guest?.Dispose();
        _rig.Dispose();
        _tls.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("unix")]
    [InlineData("unix-first")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void GuestCloses_ClientGetsAllAndThenTheEnd_AndTheNextBeginsAfresh(string kind)
    {
        Serve(kind);
        for (int cycle = 0; cycle < 5; cycle++)
        {
            Stream client = Connect(kind);
            client.Write([1, (byte)cycle]);
            Open();
            WaitHost(true);
            Assert.Equal([1, (byte)cycle], Driver.Receive(1, 2));
            byte[] answer = Guest.Bytes(300_000, cycle);
            byte[] received = [];
            Thread reader = new(() => received = ReadToEnd(client));
            reader.Start();
            Driver.Write(1, answer);
            Close();
            reader.Join();
            Assert.Equal(answer, received);
            WaitHost(false);
        }
    }

    /// <summary>The client leaves first: what the guest still writes is nobody's, and the next client waits for the next program.</summary>
    [Theory]
    [InlineData("unix")]
    [InlineData("unix-first")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void ClientLeaves_NextOneWaitsForTheNextOpening(string kind)
    {
        Serve(kind);
        Stream first = Connect(kind);
        Open();
        WaitHost(true);
        Driver.Write(1, "to the first"u8);
        Assert.Equal("to the first"u8.ToArray(), ReadExactly(first, 12));
        Stream second = Connect(kind);
        second.Write("request"u8);
        first.Dispose();
        WaitHost(false);

        // It has not noticed, and goes on writing for a moment.
        Driver.Write(1, "still to the first"u8);
        Wait.Until(() => _rig.Thread.Invoke(() => Port.DroppedBytes) == 18, "the drop");
        _rig.Thread.Settle();
        Assert.False(_rig.Thread.Invoke(() => Port.IsHostOpen));
        Assert.NotNull(Port.State.AwaitsCloseSince);
        Assert.Equal(0, Driver.Input(1).Ring.UsedWaiting);
        Close();
        Open();
        WaitHost(true);
        Assert.Null(Port.State.AwaitsCloseSince);
        Assert.Equal("request"u8.ToArray(), Driver.Receive(1, 7));
        Driver.Write(1, "answer"u8);
        Close();
        Assert.Equal("answer"u8.ToArray(), ReadToEnd(second));
    }

    /// <summary>What a client sent and the guest's program never read is not for the next program.</summary>
    [Theory]
    [InlineData("unix")]
    [InlineData("unix-first")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void GuestCloses_WhatItNeverRead_IsDroppedAndCounted(string kind)
    {
        Serve(kind);
        Stream client = Connect(kind);
        Open(receives: false);
        WaitHost(true);
        byte[] unread = Guest.Bytes(100_000, 3);
        client.Write(unread);
        Wait.Until(() => _rig.Thread.Invoke(() => Port.HasInput), "some of it");
        Close();
        Assert.Empty(ReadToEnd(client));
        Wait.Until(() => _rig.Thread.Invoke(() => Port.Counters.LostToGuestBytes) > 0, "the count");
        Assert.InRange(Port.Counters.LostToGuestBytes, 1, unread.Length);
        Stream next = Connect(kind);
        next.Write("fresh"u8);
        Open();
        WaitHost(true);
        Assert.Equal("fresh"u8.ToArray(), Driver.Receive(1, 5));
    }

    /// <summary>PORT_OPEN 0 overtakes the bytes before it, and the next program is there before the client has taken them.</summary>
    [Theory]
    [InlineData("unix")]
    [InlineData("unix-first")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void GuestReopensWhileTheClientIsSlow_EachGetsItsOwn(string kind)
    {
        Serve(kind, ringSize: 1024, bufferBytes: 1024);
        Stream first = Connect(kind);
        Open();
        WaitHost(true);
        byte[] ofFirst = WriteUntilStuck();
        Close();
        Open();
        Driver.Write(1, "of the second"u8);
        Close();
        Open();
        Close();
        Open();
        Driver.Write(1, "of the third"u8);
        Assert.False(_rig.Thread.Invoke(() => Port.IsHostOpen));
        Stream second = Connect(kind);
        Stream third = Connect(kind);
        third.Write("for the third"u8);
        Assert.Equal(ofFirst, ReadToEnd(first));
        Assert.Equal("of the second"u8.ToArray(), ReadToEnd(second));
        WaitHost(true);
        Assert.Equal("of the third"u8.ToArray(), ReadExactly(third, 12));
        Assert.Equal("for the third"u8.ToArray(), Driver.Receive(1, 13));
    }

    [Fact]
    public void Broadcast_FollowerThatIsBehind_GetsItsOpeningWholeAndNothingOfTheNext()
    {
        Serve("unix-broadcast", new PortLimits { BufferBytes = 4 << 20 });
        Stream holder = Connect("unix");
        Wait.Until(() => Port.Clients.Count == 1, "the holder");
        Stream follower = Connect("unix");
        Wait.Until(() => Port.Clients.Count == 2, "the follower");
        Open();
        WaitHost(true);
        byte[] bytes = Guest.Bytes(2_000_000, 4);
        byte[] received = [];
        Thread reader = new(() => received = ReadToEnd(holder));
        reader.Start();
        Driver.Write(1, bytes);
        Close();
        reader.Join();
        Assert.Equal(bytes, received);
        Stream next = Connect("unix");
        Wait.Until(() => Port.Clients.Any(client => client.IsHolder), "the next one");
        Open();
        WaitHost(true);
        Driver.Write(1, "next"u8);
        Assert.Equal("next"u8.ToArray(), ReadExactly(next, 4));
        Assert.Equal(bytes, ReadToEnd(follower));
    }

    /// <summary>Who comes and leaves while no program is there has spoken to the next.</summary>
    [Fact]
    public void ClientThatLeftBeforeTheOpening_IsHeardAlone()
    {
        Serve("unix");
        Stream first = Connect("unix");
        first.Write("one"u8);
        first.Dispose();
        Stream second = Connect("unix");
        second.Write("two"u8);
        WaitHost(true);
        Open();
        Assert.Equal("one"u8.ToArray(), Driver.Receive(1, 3));
        WaitHost(false);
        _rig.Thread.Settle();
        Assert.Equal(0, Driver.Input(1).Ring.UsedWaiting);
        Close();
        Open();
        WaitHost(true);
        Assert.Equal("two"u8.ToArray(), Driver.Receive(1, 3));
    }

    [Fact]
    public void Observer_SeesEveryOpening_AndIsNobodyToTalkTo()
    {
        Serve("unix");
        (Socket observer, _) = Attach(ClientAccess.Observer);
        Open();
        _rig.Thread.Settle();
        Assert.False(_rig.Thread.Invoke(() => Port.IsHostOpen));
        for (int cycle = 0; cycle < 3; cycle++)
        {
            Stream client = Connect("unix");
            WaitHost(true);
            Driver.Write(1, [(byte)cycle]);
            Close();
            Assert.Equal([(byte)cycle], ReadToEnd(client));
            WaitHost(false);
            Open();
        }

        Assert.Equal([0, 1, 2], UnixServerTests.ReceiveExactly(observer, 3));
    }

    /// <summary>Clients of the API who queue: each has an opening of its own.</summary>
    [Fact]
    public void QueuedClients_HaveOneOpeningEach()
    {
        Serve("unix");
        (Socket first, _) = Attach(ClientAccess.Queued);
        (Socket second, ConnectedChardev secondEnd) = Attach(ClientAccess.Queued);
        first.Send("first"u8);
        second.Send("second"u8);
        Open();
        WaitHost(true);
        Assert.Equal("first"u8.ToArray(), Driver.Receive(1, 5));
        first.Dispose();
        WaitHost(false);
        Close();
        Open();
        WaitHost(true);
        Assert.Equal("second"u8.ToArray(), Driver.Receive(1, 6));
        Close();
        Assert.Equal(0, second.Receive(new byte[1]));
        Assert.Equal(Port.GuestClosed, secondEnd.EndReason);
    }

    /// <summary>On a port that keeps its clients, one may ask to leave with the guest.</summary>
    [Fact]
    public void KeepingPort_ClientUntilGuestCloses_AloneIsEnded()
    {
        ScriptedEnd end = _rig.Plug(1);
        Boot();
        (Socket passing, ConnectedChardev client) = Attach(ClientAccess.Writer, untilGuestCloses: true);
        (Socket stays, _) = Attach(ClientAccess.Writer);
        Open();
        _ = _rig.Thread.Invoke(() => end.Allowance = 3);
        Driver.Write(1, "one"u8);
        Driver.Write(1, "two"u8);
        Close();
        Open();
        Driver.Write(1, "three"u8);
        Assert.Equal("one"u8.ToArray(), UnixServerTests.ReceiveExactly(passing, 3));
        _rig.Thread.Settle();
        Assert.Null(client.EndReason);
        _rig.Thread.Invoke(() => end.Allow(1000));
        Assert.Equal("two"u8.ToArray(), UnixServerTests.ReceiveExactly(passing, 3));
        Assert.Equal(0, passing.Receive(new byte[1]));
        Assert.Equal(Port.GuestClosed, client.EndReason);
        Assert.Equal("onetwothree"u8.ToArray(), UnixServerTests.ReceiveExactly(stays, 11));
        Assert.Equal("onetwothree"u8.ToArray(), _rig.Thread.Invoke(() => end.Taken.ToArray()));
        Assert.True(_rig.Thread.Invoke(() => Port.IsHostOpen && Port.IsGuestOpen));
    }

    [Fact]
    public void GuestStartsOver_ClientIsEnded()
    {
        Serve("unix");
        Stream client = Connect("unix");
        Open();
        WaitHost(true);
        Driver.Send(uint.MaxValue, ControlEvent.DeviceReady, 1);
        Assert.Empty(ReadToEnd(client));
        DeviceEvent closed = _rig.WaitFor(DeviceEventKind.HostClosed);
        Assert.Contains("the guest's driver started over", closed.Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void PolicyChangesInMidConnection_TakesEffectWithTheNextClose()
    {
        Serve("unix", policy: GuestClosePolicy.Keep);
        Stream client = Connect("unix");
        Open();
        WaitHost(true);
        Close();
        Open();
        Driver.Write(1, "stays"u8);
        Assert.Equal("stays"u8.ToArray(), ReadExactly(client, 5));
        _rig.Thread.Invoke(() => Port.Apply(Port.Spec with { OnGuestClose = GuestClosePolicy.Disconnect }));
        Driver.Write(1, "goes"u8);
        Close();
        Assert.Equal("goes"u8.ToArray(), ReadToEnd(client));
        Stream left = Connect("unix");
        Open();
        WaitHost(true);
        left.Dispose();
        WaitHost(false);
        _ = Connect("unix");
        _rig.Thread.Invoke(() => Port.Apply(Port.Spec with { OnGuestClose = GuestClosePolicy.Keep }));
        WaitHost(true);
    }

    /// <summary>One program after the other comes quickly, and either side ends first: nobody hears what was for somebody else.</summary>
    [Theory]
    [InlineData("unix")]
    [InlineData("tcp")]
    [InlineData("tls")]
    public void ManyQuickCycles_NobodyHearsAnother(string kind)
    {
        Serve(kind);
        int heard = 0;
        Thread guest = new(() =>
        {
            for (int opening = 0; opening < 100;)
            {
                Open();
                WaitHost(true);
                byte id = Driver.Receive(1, 1)[0];
                heard++;
                Assert.Equal((byte)(heard - 1), id);
                Driver.Write(1, Enumerable.Repeat(id, 5000).ToArray());
                if (id % 3 == 0)
                {
                    WaitHost(false);
                }

                Close();
                opening++;
            }
        });
        Exception? failure = null;
        Thread guarded = new(() =>
        {
            try
            {
                guest.Start();
                guest.Join();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        guarded.Start();
        for (int i = 0; i < 100; i++)
        {
            using Stream client = Connect(kind);
            client.Write([(byte)i, 255, 255]);
            byte[] received = i % 3 == 0 ? ReadExactly(client, 5000) : ReadToEnd(client);
            Assert.Equal(5000, received.Length);
            Assert.All(received, each => Assert.Equal((byte)i, each));
        }

        guarded.Join();
        Assert.Null(failure);
        Assert.Equal(100, heard);
    }

    /// <summary>Without this a program that is not scheduled in between would take one client for another.</summary>
    [Fact]
    public void HostGoesAndComesAtOnce_GuestSeesItClosedForAMoment()
    {
        ScriptedEnd end = _rig.Plug(1);
        Boot();
        Assert.Equal(1, Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Open();
        long began = 0;
        _rig.Thread.Invoke(() =>
        {
            began = Environment.TickCount64;
            end.Connect(false);
            end.Connect(true);
            end.Give([7]);
        });
        Assert.Equal(0, Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Assert.Equal(0, Driver.Input(1).Ring.UsedWaiting);
        Assert.Equal(1, Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Assert.True(Environment.TickCount64 - began >= HostOpening.ShortestClosed.TotalMilliseconds);
        Assert.Equal([7], Driver.Receive(1, 1));
    }

    private static byte[] ReadExactly(Stream stream, int count)
    {
        byte[] bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static byte[] ReadToEnd(Stream stream)
    {
        using MemoryStream all = new();
        stream.CopyTo(all);
        return all.ToArray();
    }

    private void Serve(string kind, PortLimits? limits = null, GuestClosePolicy policy = GuestClosePolicy.Disconnect, int ringSize = 64, int bufferBytes = 4096)
    {
        string options = kind switch
        {
            "unix" => $"unix:{_folder["s"]},server",
            "unix-first" => $"unix:{_folder["s"]},server,clients=4",
            "unix-broadcast" => $"unix:{_folder["s"]},server,clients=4,mode=broadcast",
            "tcp" => "tcp:127.0.0.1:0,server",
            _ => $"tcp:127.0.0.1:0,server,tls-cert={_tls.ServerPem}",
        };
        HostEnd end = ChardevFactory.Create(ChardevRig.Parse(options), _rig.Loop, _rig.Log);
        _address = () => end is TcpServer tcp ? tcp.LocalAddress! : ((StreamEnd)end).LocalAddress!;
        _rig.Plug(new PortSpec(1, "paired") { OnGuestClose = policy, Limits = limits ?? PortLimits.Default }, end);
        Boot(ringSize, bufferBytes);
    }

    private void Boot(int ringSize = 64, int bufferBytes = 4096)
    {
        _guest = new Guest(_rig, ringSize: ringSize, bufferBytes: bufferBytes);
        Driver.Send(1, ControlEvent.PortReady, 1);
    }

    private Stream Connect(string kind)
    {
        Stream stream;
        if (kind.StartsWith("unix", StringComparison.Ordinal))
        {
            stream = new NetworkStream(UnixServerTests.Connect(_folder["s"]), ownsSocket: true);
        }
        else
        {
            stream = kind == "tcp" ? Plain(_address!()) : TlsClient.ConnectAsync(_address!(), _tls.Authority).GetAwaiter().GetResult().Stream;
        }

        stream.ReadTimeout = 20_000;
        _peers.Add(stream);
        return stream;
    }

    private static NetworkStream Plain(IPEndPoint address)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(address);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private (Socket Socket, ConnectedChardev End) Attach(ClientAccess access, bool untilGuestCloses = false)
    {
        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        Socket socket = new(new SafeSocketHandle(theirs.Number, ownsHandle: true)) { ReceiveTimeout = 20_000 };
        theirs.SetHandleAsInvalid();
        _peers.Add(socket);
        ConnectedChardev end = new(_rig.Loop, ours, "attached", _rig.Log);
        _ = _rig.Thread.Invoke(() => Port.AddClient(end, access, untilGuestCloses));
        return (socket, end);
    }

    /// <summary>A program opens the port.</summary>
    private void Open(bool receives = true)
    {
        if (receives)
        {
            _ = Driver.Input(1).Post(int.MaxValue);
        }

        Driver.Send(1, ControlEvent.PortOpen, 1);
    }

    /// <summary>It closes it, and the driver throws away what it has not read, as Linux does.</summary>
    private void Close()
    {
        Driver.Send(1, ControlEvent.PortOpen, 0);
        Driver.Receive(1, []);
    }

    /// <summary>Writes until the host takes nothing more and half the ring waits.</summary>
    private byte[] WriteUntilStuck()
    {
        List<byte> written = [];
        while (Driver.Output(1).Ring.InFlight < 512)
        {
            byte[] bytes = Guest.Bytes(1000, written.Count);
            Driver.Write(1, bytes);
            written.AddRange(bytes);
            if (written.Count % 64_000 == 0)
            {
                _rig.Thread.Settle();
                Driver.Output(1).Reclaim();
            }
        }

        return [.. written];
    }

    /// <summary>Waits until the guest was told so.</summary>
    private void WaitHost(bool isOpen) => Wait.Until(() => _rig.Thread.Invoke(() => Port.IsHostOpen) == isOpen, $"the host to be {(isOpen ? "open" : "closed")}");
}
