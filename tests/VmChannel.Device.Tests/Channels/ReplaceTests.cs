using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary>Another host end while the guest has its port open, full, and busy both ways.</summary>
public sealed class ReplaceTests : IDisposable
{
    private static readonly string[] Kinds = ["unix", "tcp", "pty", "file", "service", "null"];

    private readonly TemporaryFolder _folder = new();
    private readonly SerialRig _rig = new();

    public static TheoryData<string, string> Swaps
        => [.. Kinds[1..].Select(kind => ("unix", kind)), .. Kinds[1..].Select(kind => (kind, "unix")), ("unix", "unix")];

    private Port Port => _rig.Ports[1];

    public void Dispose()
    {
        _rig.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Swaps))]
    public async Task InMidTransfer_NothingIsLostAndNothingComesTwice(string from, string to)
    {
        using HostPeer old = HostPeer.Create(from, _rig.Loop, _rig.Log, _folder);
        using HostPeer next = HostPeer.Create(to, _rig.Loop, _rig.Log, _folder);
        _rig.Plug(new PortSpec(1, "swapped"), old.End);
        using Guest guest = new(_rig);
        old.Connect();
        SerialRig.Open(guest.Driver, 1);
        byte[] stream = Guest.Bytes(1_500_000, 1);
        byte[] fromOld = Guest.Bytes(4_000_000, 2);
        byte[] fromNext = Guest.Bytes(200_000, 3);
        Task writing = Task.Run(() => guest.Driver.Write(1, stream), TestContext.Current.CancellationToken);
        Task<int> sending = Task.Run(() => old.MaySend ? old.Send(fromOld) : 0, TestContext.Current.CancellationToken);
        List<byte> received = [];
        Wait.Until(
            () =>
            {
                guest.Driver.Receive(1, received);
                return _rig.Thread.Invoke(() => Port.Counters.FromGuestBytes) > 200_000 && (!old.MaySend || received.Count > 20_000);
            },
            "the transfer to be under way");

        long takenByOld = _rig.Thread.Invoke(() =>
        {
            Port.Replace(next.End);
            return Port.Counters.FromGuestBytes;
        });
        next.Connect();
        int sent = next.MaySend ? await Task.Run(() => SendWhileReceiving(next, fromNext, guest, received)) : 0;
        Assert.Equal(next.MaySend ? fromNext.Length : 0, sent);
        await writing;
        Wait.Until(() => _rig.Thread.Invoke(() => Port.Counters.FromGuestBytes) == stream.Length, "the guest's bytes to be taken");
        AssertStream(stream, old, next, takenByOld);

        Wait.Until(
            () =>
            {
                guest.Driver.Receive(1, received);
                return sending.IsCompleted;
            },
            "the old program to notice");
        int sentByOld = await sending;
        Wait.Until(
            () =>
            {
                guest.Driver.Receive(1, received);
                return received.Count - sent >= (from == "unix" ? sentByOld : 0) && received.TakeLast(sent).SequenceEqual(fromNext.Take(sent));
            },
            "the new end's bytes at the end");
        int ofOld = received.Count - sent;
        Assert.Equal(fromOld.AsSpan(0, ofOld).ToArray(), received.Take(ofOld));
        Assert.True(_rig.Thread.Invoke(() => Port.IsGuestOpen));
    }

    [Fact]
    public void NextCannotStart_EverythingIsAsItWas()
    {
        ScriptedEnd old = _rig.Plug(1);
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        FailingEnd next = new();
        Assert.Throws<HostEndException>(() => _rig.Thread.Invoke(() => Port.Replace(next)));
        Assert.True(next.IsDisposed);
        Assert.False(old.IsDisposed);
        guest.Driver.Write(1, [1, 2]);
        Wait.Until(() => _rig.Thread.Invoke(() => old.TakenCount) == 2, "the old end to go on");
    }

    /// <summary>It has started by then, and nobody awaits it: what is wrong is in the log and in the port's state.</summary>
    [Fact]
    public void NextCannotConnectLater_IsToldWhy()
    {
        using System.Net.Sockets.TcpListener closed = new(System.Net.IPAddress.Loopback, 0);
        closed.Start();
        int port = ((System.Net.IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();
        ScriptedEnd old = _rig.Plug(1);
        _rig.Thread.Invoke(() => old.Connect(false));
        _rig.Thread.Invoke(() => Port.Replace(ChardevFactory.Create(ChardevRig.Parse($"tcp:localhost:{port}"), _rig.Loop, _rig.Log)));
        Wait.Until(() => Port.State.HostDetail?.Contains("cannot connect", StringComparison.Ordinal) == true, "the reason in the state");
        Assert.True(_rig.Log.Contains("cannot connect"));
    }

    /// <summary>The chain of which a part was delivered goes on at the new end.</summary>
    [Fact]
    public void OldIsFull_TheRestGoesToTheNext()
    {
        ScriptedEnd old = _rig.Plug(1);
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        _rig.Thread.Invoke(() => old.Allow(5000));
        byte[] bytes = Guest.Bytes(20_000, 4);
        guest.Driver.Write(1, bytes);
        Wait.Until(() => _rig.Thread.Invoke(() => old.TakenCount) == 5000, "a part");
        ScriptedEnd next = new();
        _rig.Thread.Invoke(() => Port.Replace(next));
        Assert.Equal(0, guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        _rig.Thread.Invoke(() => next.Connect(true));
        Assert.Equal(1, guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Wait.Until(() => _rig.Thread.Invoke(() => next.TakenCount) == 15_000, "the rest");
        Assert.Equal(bytes, old.Taken.Concat(next.Taken));
        Assert.True(old.IsDisposed);
        Assert.Equal([true], next.GuestOpens);
    }

    [Fact]
    public async Task Repeatedly_UnderTraffic_TheStreamIsWholeAndTheOldAreGone()
    {
        ScriptedEnd current = _rig.Plug(1);
        List<ScriptedEnd> all = [current];
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        byte[] stream = Guest.Bytes(1_000_000, 5);
        Task writing = Task.Run(() => guest.Driver.Write(1, stream), TestContext.Current.CancellationToken);
        for (int i = 0; i < 200; i++)
        {
            ScriptedEnd next = new() { MaxPerWrite = 1 + (i * 37) };
            _rig.Thread.Invoke(() =>
            {
                Port.Replace(next);
                next.Connect(true);
            });
            all.Add(next);
        }

        await writing;
        Wait.Until(() => _rig.Thread.Invoke(() => all.Sum(end => end.TakenCount)) == stream.Length, "everything");
        Assert.Equal(stream, all.SelectMany(end => end.Taken));
        Assert.All(all[..^1], end => Assert.True(end.IsDisposed));
    }

    /// <summary>A guest that reads nothing does not make each swap cost a connection.</summary>
    [Fact]
    public void Repeatedly_WhileTheGuestReadsNothing_KeepsFewOldEnds()
    {
        HostPeer first = HostPeer.Create("unix", _rig.Loop, _rig.Log, _folder);
        List<HostPeer> all = [first];
        _rig.Plug(new PortSpec(1, "swapped"), first.End);
        for (int i = 0; i < 20; i++)
        {
            HostPeer peer = all[^1];
            peer.Connect();
            Wait.Until(() => _rig.Thread.Invoke(() => peer.End.IsOpen), "the client");
            Assert.Equal(3, peer.Send([1, 2, (byte)i]));
            HostPeer next = HostPeer.Create("unix", _rig.Loop, _rig.Log, _folder);
            _rig.Thread.Invoke(() => Port.Replace(next.End));
            all.Add(next);
        }

        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        byte[] received = guest.Driver.Receive(1, 24);
        Assert.Equal(Enumerable.Range(12, 8).SelectMany(i => new byte[] { 1, 2, (byte)i }), received);
        Assert.Equal(12 * 3, Port.Counters.LostToGuestBytes);
        Assert.True(_rig.Log.Contains("bytes for the guest were dropped"));
        all.ForEach(peer => peer.Dispose());
    }

    /// <summary>Its socket file is free at once, though what it had received is still to be read.</summary>
    [Fact]
    public void OldServer_StopsListeningAtOnce()
    {
        using HostPeer old = HostPeer.Create("unix", _rig.Loop, _rig.Log, _folder);
        _rig.Plug(new PortSpec(1, "swapped"), old.End);
        old.Connect();
        Wait.Until(() => _rig.Thread.Invoke(() => old.End.IsOpen), "the client");
        Assert.Equal(3, old.Send([1, 2, 3]));
        _rig.Thread.Invoke(() => Port.Replace(new NullChardev()));
        Assert.False(Path.Exists(old.End.Description["unix:".Length..]));
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        Assert.Equal([1, 2, 3], guest.Driver.Receive(1, 3));
    }

    private static int SendWhileReceiving(HostPeer next, byte[] bytes, Guest guest, List<byte> received)
    {
        Task<int> sending = Task.Run(() => next.Send(bytes));
        while (!sending.IsCompleted)
        {
            guest.Driver.Receive(1, received);
        }

        return sending.Result;
    }

    private static void AssertStream(byte[] stream, HostPeer old, HostPeer next, long takenByOld)
    {
        if (old is { IsReal: true, MayLoseTheLast: false } && next.IsReal)
        {
            Wait.Until(() => old.Received().Length + next.Received().Length >= stream.Length, "every byte at one of the two");
            Assert.Equal(stream, old.Received().Concat(next.Received()));
            return;
        }

        byte[] first = old.Received();
        Assert.Equal(stream.AsSpan(0, first.Length).ToArray(), first);
        if (next.IsReal && takenByOld < stream.Length)
        {
            Wait.Until(() => next.Received() is { Length: > 0 } last && stream.AsSpan().EndsWith(last), "the end of the stream");
        }
    }
}
