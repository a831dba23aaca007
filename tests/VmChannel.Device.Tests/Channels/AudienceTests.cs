using System.Diagnostics.CodeAnalysis;
using VmChannel.Device.Channels;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary>Several clients of one channel: who gets what, who lets the guest wait, and who is dropped.</summary>
public sealed class AudienceTests : IDisposable
{
    private readonly SerialRig _rig = new();
    private readonly List<ClientChange> _changes = [];
    [SuppressMessage("Usage", "CA2213", Justification = "its port disposes it")]
    private readonly ScriptedEnd _host;
    private readonly Guest _guest;

    public AudienceTests()
    {
        _host = _rig.Plug(1, isHostOpen: false);
        _rig.Thread.Invoke(() => Port.ClientsChanged = _changes.Add);
        _guest = new Guest(_rig);
        SerialRig.Open(_guest.Driver, 1);
    }

    private Port Port => _rig.Ports[1];

    public void Dispose()
    {
        _guest.Dispose();
        _rig.Dispose();
    }

    [Fact]
    public void Client_BesideTheHostEnd_SeesWhatTheGuestWritesFromThenOn()
    {
        Connect(_host);
        Write("before");
        WaitTaken(_host, "before");
        ScriptedEnd client = Add(ClientAccess.Shared);
        Write(" and after");
        WaitTaken(_host, "before and after");
        WaitTaken(client, " and after");
        Assert.Equal([ClientChangeKind.Connected], Kinds());
        ClientState state = Assert.Single(Port.Clients);
        Assert.False(state.IsHolder || state.MayWrite || state.IsWaiting);
        Assert.Equal(10, state.Counters.TakenBytes);
    }

    [Fact]
    public void Client_WithoutAHostEnd_OpensThePortAndHoldsIt()
    {
        Write("held");
        Assert.False(Invoke(() => Port.IsHostOpen));
        ScriptedEnd client = Add(ClientAccess.Shared);
        Assert.Equal(1, _guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        WaitTaken(client, "held");
        Invoke(() => client.Give("answer"u8));
        Assert.Equal("answer"u8.ToArray(), _guest.Driver.Receive(1, 6));
        Assert.True(Assert.Single(Port.Clients).IsHolder);
        Connect(client, false);
        Assert.Equal(0, _guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Assert.True(client.IsDisposed);
        Assert.Empty(Port.Clients);
    }

    [Fact]
    public void Holder_Full_LetsTheGuestWait()
    {
        ScriptedEnd holder = Add(ClientAccess.Shared);
        ScriptedEnd follower = Add(ClientAccess.Shared);
        Invoke(() => holder.Allow(1000));
        _guest.Driver.Write(1, Guest.Bytes(5000, 1));
        Wait.Until(() => Invoke(() => follower.TakenCount) == 1000, "what the holder took");
        _rig.Thread.Settle();
        Assert.Equal(1000, Invoke(() => follower.TakenCount));
        Invoke(() => holder.Allow(long.MaxValue));
        Wait.Until(() => Invoke(() => follower.TakenCount) == 5000, "the rest");
        Assert.Equal(Guest.Bytes(5000, 1), Invoke(() => follower.Taken.ToArray()));
        Assert.Equal(Guest.Bytes(5000, 1), Invoke(() => holder.Taken.ToArray()));
    }

    [Fact]
    public void Follower_TooFarBehind_IsDroppedAndTheOthersGoOn()
    {
        Connect(_host);
        Invoke(() => Limit(limits => limits with { BufferBytes = 50_000 }));
        ScriptedEnd stuck = Add(ClientAccess.Shared);
        ScriptedEnd quick = Add(ClientAccess.Shared);
        Invoke(() => stuck.Allow(10));
        _guest.Driver.Write(1, Guest.Bytes(40_000, 2));
        Wait.Until(() => Invoke(() => quick.TakenCount) == 40_000, "the first part");
        Assert.False(stuck.IsDisposed);
        Assert.Equal(39_990, Port.Clients[0].Counters.BehindBytes);
        _guest.Driver.Write(1, Guest.Bytes(300_000, 3));
        Wait.Until(() => Invoke(() => quick.TakenCount) == 340_000, "all");
        Assert.True(Invoke(() => stuck.IsDisposed));
        Assert.Equal([.. Guest.Bytes(40_000, 2), .. Guest.Bytes(300_000, 3)], Invoke(() => quick.Taken.ToArray()));
        ClientChange dropped = Assert.Single(_changes, change => change.Kind == ClientChangeKind.Dropped);
        Assert.Contains("50000 bytes behind", dropped.Reason, StringComparison.Ordinal);
        Assert.True(_rig.Log.Contains("dropped: it is more than 50000 bytes behind"));
        Assert.Single(Port.Clients);
    }

    /// <summary>What the one before took and it has not had comes from the buffer; then it goes on where the guest is.</summary>
    [Fact]
    public void Holder_Leaves_TheNextGetsItsBacklogAndThenTheRest()
    {
        ScriptedEnd first = Add(ClientAccess.Shared);
        ScriptedEnd second = Add(ClientAccess.Shared);
        Invoke(() => second.Allow(100));
        Invoke(() => first.Allow(100_000));
        byte[] bytes = Guest.Bytes(200_000, 4);
        _guest.Driver.Write(1, bytes);
        Wait.Until(() => Invoke(() => first.TakenCount) == 100_000, "the holder's part");
        Assert.Equal(100, Invoke(() => second.TakenCount));
        Connect(first, false);
        Assert.Equal(ClientChangeKind.Promoted, Invoke(() => _changes[^1].Kind));
        Assert.True(Port.Clients.Single().IsHolder);
        Invoke(() => second.Allow(long.MaxValue));
        Wait.Until(() => Invoke(() => second.TakenCount) == bytes.Length, "all bytes");
        Assert.Equal(bytes, Invoke(() => second.Taken.ToArray()));
        Assert.True(first.IsDisposed);
    }

    [Fact]
    public void Holder_DiesInTheMiddleOfAWrite_NothingIsLostForTheNext()
    {
        ScriptedEnd first = Add(ClientAccess.Shared);
        ScriptedEnd second = Add(ClientAccess.Shared);
        Invoke(() =>
        {
            first.HangsUpWhenFull = true;
            first.Allowance = 3333;
        });
        byte[] bytes = Guest.Bytes(30_000, 5);
        _guest.Driver.Write(1, bytes);
        Wait.Until(() => Invoke(() => second.TakenCount) == bytes.Length, "all bytes");
        Assert.Equal(bytes, Invoke(() => second.Taken.ToArray()));
        Assert.Equal(bytes.AsSpan(0, 3333).ToArray(), first.Taken.ToArray());
    }

    [Fact]
    public void HostEnd_ComesWhileAClientHolds_TakesOver()
    {
        ScriptedEnd client = Add(ClientAccess.Shared);
        Write("one ");
        WaitTaken(client, "one ");
        Connect(_host);
        Write("two");
        WaitTaken(_host, "two");
        WaitTaken(client, "one two");
        Invoke(() => client.Give("dropped"u8));
        Invoke(() => _host.Give("host"u8));
        Assert.Equal("host"u8.ToArray(), _guest.Driver.Receive(1, 4));
        Assert.Equal(7, Port.Clients.Single().Counters.DroppedInputBytes);
    }

    [Fact]
    public void Input_OfThoseWhoMayNotWrite_IsDroppedAndToldOnce()
    {
        Connect(_host);
        ScriptedEnd client = Add(ClientAccess.Shared);
        Invoke(() => client.Give(new byte[700]));
        Invoke(() => client.Give(new byte[300]));
        Wait.Until(() => Port.Clients.Single().Counters.DroppedInputBytes == 1000, "the drop");
        Assert.Equal(1, Invoke(() => _changes.Count(change => change.Kind == ClientChangeKind.InputDropped)));
        Connect(client, false);
        Assert.Empty(Port.Clients);
    }

    [Fact]
    public void Writers_All_BytesOfEverybodyArrive()
    {
        Connect(_host);
        ScriptedEnd[] clients = [Add(ClientAccess.Writer), Add(ClientAccess.Writer), Add(ClientAccess.Observer)];
        Invoke(() =>
        {
            _host.Give(Enumerable.Repeat((byte)1, 10_000).ToArray());
            clients[0].Give(Enumerable.Repeat((byte)2, 10_000).ToArray());
            clients[1].Give(Enumerable.Repeat((byte)3, 10_000).ToArray());
            clients[2].Give(Enumerable.Repeat((byte)4, 10_000).ToArray());
        });
        byte[] received = _guest.Driver.Receive(1, 30_000);
        Assert.Equal([10_000, 10_000, 10_000], received.CountBy(each => each).OrderBy(pair => pair.Key).Select(pair => pair.Value));
        Assert.Equal(10_000, Port.Clients[2].Counters.DroppedInputBytes);
    }

    [Fact]
    public void Queued_WaitsUnreadUntilItsTurn()
    {
        ScriptedEnd first = Add(ClientAccess.Queued);
        ScriptedEnd second = Add(ClientAccess.Queued);
        ScriptedEnd third = Add(ClientAccess.Queued);
        Invoke(() => second.Give("second"u8));
        Invoke(() => third.Give("third"u8));
        Write("x");
        WaitTaken(first, "x");
        Assert.Equal(0, Invoke(() => second.Reads + second.Writes));
        Assert.Equal([false, true, true], Port.Clients.Select(client => client.IsWaiting));
        Connect(second, false);
        Assert.Equal([false, true], Port.Clients.Select(client => client.IsWaiting));
        Connect(first, false);
        Assert.Equal("third"u8.ToArray(), _guest.Driver.Receive(1, 5));
        Assert.Equal([true], Invoke(() => third.GuestOpens.ToArray()));
        Write("y");
        WaitTaken(third, "y");
    }

    [Fact]
    public void History_LateClient_GetsTheLastBytesAndThenTheLiveOnes()
    {
        Invoke(() => Limit(limits => limits with { HistoryBytes = 1000 }));
        Connect(_host);
        byte[] bytes = Guest.Bytes(5000, 6);
        _guest.Driver.Write(1, bytes.AsSpan(0, 4000));
        Wait.Until(() => Invoke(() => _host.TakenCount) == 4000, "the first part");
        long counted = Invoke(() => Port.Counters.FromGuestBytes);
        ScriptedEnd late = Add(ClientAccess.Observer);
        Wait.Until(() => Invoke(() => late.TakenCount) == 1000, "the history");
        Assert.Equal(counted, Invoke(() => Port.Counters.FromGuestBytes));
        _guest.Driver.Write(1, bytes.AsSpan(4000));
        Wait.Until(() => Invoke(() => late.TakenCount) == 2000, "the live bytes");
        Assert.Equal(bytes[3000..], Invoke(() => late.Taken.ToArray()));
        Assert.Equal(bytes, Invoke(() => _host.Taken.ToArray()));
    }

    [Fact]
    public void History_HostEndComesBack_GetsWhatTheOneBeforeHadAndWhatWasHeld()
    {
        Invoke(() => Limit(limits => limits with { HistoryBytes = 6 }));
        Connect(_host);
        Write("0123456789");
        WaitTaken(_host, "0123456789");
        Connect(_host, false);
        Write("held");
        _rig.Thread.Settle();
        Invoke(_host.Taken.Clear);
        Connect(_host);
        WaitTaken(_host, "456789held");
    }

    [Fact]
    public void History_Discarded_IsShownToTheNext()
    {
        Invoke(() =>
        {
            Limit(limits => limits with { HistoryBytes = 100 });
            Port.Apply(Port.Spec with { OnDisconnect = DisconnectPolicy.Discard });
        });
        Write("nobody is there");
        Wait.Until(() => Invoke(() => Port.DroppedBytes) == 15, "the drop");
        Connect(_host);
        WaitTaken(_host, "nobody is there");
    }

    [Fact]
    public void Policy_ChangedWhileNobodyIsThere_TakesEffectAtOnce()
    {
        Write("held");
        _rig.Thread.Settle();
        Invoke(() => Port.Apply(Port.Spec with { OnDisconnect = DisconnectPolicy.Discard }));
        Assert.Equal(1, _guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
        Wait.Until(() => Invoke(() => Port.DroppedBytes) == 4, "the drop");
        Invoke(() => Port.Apply(Port.Spec with { OnDisconnect = DisconnectPolicy.Hold }));
        Assert.Equal(0, _guest.Driver.Expect(ControlEvent.PortOpen, 1).Message.Value);
    }

    [Fact]
    public void Client_ThatCannotStart_IsRefusedAndNothingChanges()
    {
        Connect(_host);
        FailingEnd failing = new();
        Assert.Throws<HostEndException>(() => Invoke(() => Port.AddClient(failing, ClientAccess.Shared)));
        Assert.True(failing.IsDisposed);
        Assert.Empty(Port.Clients);
        Write("on");
        WaitTaken(_host, "on");
    }

    private void Limit(Func<PortLimits, PortLimits> change) => Port.Apply(Port.Spec with { Limits = change(Port.Spec.Limits) });

    private ScriptedEnd Add(ClientAccess access)
    {
        ScriptedEnd client = new();
        Invoke(() =>
        {
            _ = Port.AddClient(client, access);
            client.Connect(true);
        });
        return client;
    }

    private void Connect(ScriptedEnd end, bool isOpen = true) => Invoke(() => end.Connect(isOpen));

    private void Write(string text) => _guest.Driver.Write(1, System.Text.Encoding.ASCII.GetBytes(text));

    private void WaitTaken(ScriptedEnd end, string text)
        => Wait.Until(() => Invoke(() => System.Text.Encoding.ASCII.GetString([.. end.Taken])) == text, $"'{text}'");

    private List<ClientChangeKind> Kinds() => Invoke(() => _changes.Select(change => change.Kind).ToList());

    private T Invoke<T>(Func<T> function) => _rig.Thread.Invoke(function);

    private void Invoke(Action action) => _rig.Thread.Invoke(action);
}
