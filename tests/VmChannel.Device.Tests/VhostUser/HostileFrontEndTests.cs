using System.Buffers.Binary;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Native;
using VmChannel.Testing;
using VmChannel.Testing.FrontEnds;
using VmChannel.Wire.VhostUser;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Device.Tests.VhostUser;

/// <summary>A peer that lies: one message is refused or one device stops, and another device on the same loop does not notice.</summary>
public sealed class HostileFrontEndTests : IDisposable
{
#pragma warning disable CA2213 // host ends belong to their ports
    private readonly SerialRig _rig = new();
    private readonly SerialRig _neighbour;
    private readonly ScriptedEnd _end;
    private readonly ScriptedEnd _neighbourEnd;
    private readonly Guest _neighbourGuest;
#pragma warning restore CA2213

    public HostileFrontEndTests()
    {
        _neighbour = new SerialRig(loop: _rig.Thread);
        _end = _rig.Plug(1);
        _neighbourEnd = _neighbour.Plug(1);
        _neighbourGuest = new Guest(_neighbour);
        SerialRig.Open(_neighbourGuest.Driver, 1);
    }

    public void Dispose()
    {
        // Every test ends here: the neighbour still works, and no handler failed.
        _neighbour.Thread.Invoke(() => _neighbourEnd.Give([1, 2, 3]));
        Assert.Equal([1, 2, 3], _neighbourGuest.Driver.Receive(1, 3));
        Assert.False(_rig.Log.Contains("defect"));
        _neighbourGuest.Dispose();
        _neighbour.Dispose();
        _rig.Dispose();
    }

    public static TheoryData<string, byte[]> NoMessages => new()
    {
        { "version 0", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
        { "version 2", [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0] },
        { "payload of 4097", [5, 0, 0, 0, 1, 0, 0, 0, 1, 0x10, 0, 0] },
        { "payload of 4 GiB", [5, 0, 0, 0, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF] },
        { "GET_VRING_BASE of queue 256", [11, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] },
        { "GET_VRING_BASE cut short", [11, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(NoMessages))]
    public void Bytes_ThatCannotBeFollowed_EndTheConnection(string what, byte[] bytes)
    {
        Assert.NotEmpty(what);
        using FrontEndSocket socket = new(_rig.Connect());
        socket.SendRaw(bytes);
        socket.WaitForHangUp();
        Assert.True(_rig.Log.Contains("disconnected"));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(12)]
    [InlineData(19)]
    public void HangUp_InMidMessage_EndsTheConnectionOnly(int bytes)
    {
        byte[] message = [8, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0];
        FrontEndSocket socket = new(_rig.Connect());
        socket.SendRaw(message.AsSpan(0, bytes));
        Wait.Until(() => _rig.IsConnected, "the connection");
        socket.Dispose();
        Wait.Until(() => !_rig.IsConnected, "its end");
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
    }

    [Fact]
    public void Message_InSingleBytes_IsOneMessage()
    {
        using FrontEndSocket socket = new(_rig.Connect());
        byte[] message = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        foreach (byte each in message)
        {
            socket.SendRaw([each]);
        }

        Assert.NotEqual(0UL, socket.ReceiveNumber(VhostUserRequest.GetFeatures));
    }

    [Fact]
    public void Descriptors_ByTheThousandInOneMessage_EndTheConnection()
    {
        using FrontEndSocket socket = new(_rig.Connect());
        using FileDescriptor one = EventFd.Create();
        FileDescriptor[] many = [.. Enumerable.Repeat(one, 30)];
        byte[] message = [5, 0, 0, 0, 1, 0, 0, 0, 0, 0x10, 0, 0];
        socket.SendRaw(message);
        socket.SendRaw([1], many);
        socket.SendRaw([1], many);
        socket.WaitForHangUp();
        Assert.True(_rig.Log.Contains("descriptors with one message"));
    }

    [Fact]
    public void Descriptors_NobodyAskedFor_AreClosed()
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        (FileDescriptor ours, FileDescriptor theirs) = UnixSocket.Pair();
        _ = ours.SetNonBlocking(true);
        frontEnd.Socket.Send(VhostUserRequest.SetOwner, [], [theirs, theirs, theirs], needsReply: true);
        Assert.Equal(0UL, frontEnd.Socket.ReceiveNumber(VhostUserRequest.SetOwner));
        theirs.Dispose();
        _ = frontEnd.Get(VhostUserRequest.GetFeatures);
        Assert.Equal(0, ours.Read(new byte[1]).Value);
        ours.Dispose();
    }

    [Theory]
    [InlineData(VhostUserRequest.None)]
    [InlineData(VhostUserRequest.SetLogBase)]
    [InlineData(VhostUserRequest.SetLogFd)]
    [InlineData((VhostUserRequest)19)]
    [InlineData((VhostUserRequest)31)]
    [InlineData((VhostUserRequest)0xFFFFFFFF)]
    public void Request_Unknown_IsRefusedWhereAsked(VhostUserRequest request)
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        Assert.Equal(1UL, frontEnd.Tell(request, new byte[4096], []));
        Assert.NotEqual(0UL, frontEnd.Get(VhostUserRequest.GetFeatures));
    }

    [Theory]
    [InlineData(VhostUserRequest.SetVringKick)]
    [InlineData(VhostUserRequest.SetVringCall)]
    [InlineData(VhostUserRequest.SetVringErr)]
    [InlineData(VhostUserRequest.SetBackendReqFd)]
    public void Descriptor_Missing_IsRefused(VhostUserRequest request)
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        Assert.Equal(1UL, frontEnd.Tell(request, new byte[8], []));
    }

    [Theory]
    [InlineData(VhostUserRequest.SetVringNum)]
    [InlineData(VhostUserRequest.SetVringBase)]
    [InlineData(VhostUserRequest.SetVringEnable)]
    [InlineData(VhostUserRequest.SetVringAddr)]
    [InlineData(VhostUserRequest.SetVringKick)]
    [InlineData(VhostUserRequest.SetFeatures)]
    [InlineData(VhostUserRequest.SetProtocolFeatures)]
    [InlineData(VhostUserRequest.SetStatus)]
    [InlineData(VhostUserRequest.SetConfig)]
    [InlineData(VhostUserRequest.SetMemTable)]
    [InlineData(VhostUserRequest.AddMemReg)]
    [InlineData(VhostUserRequest.RemMemReg)]
    [InlineData(VhostUserRequest.VringKick)]
    public void Payload_CutShort_IsRefused(VhostUserRequest request)
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        Assert.Equal(1UL, frontEnd.Tell(request, [], []));
        Assert.Equal(1UL, frontEnd.Tell(request, new byte[7], []));
    }

    [Theory]
    [InlineData(3u)]
    [InlineData(0u)]
    [InlineData(65536u)]
    [InlineData(uint.MaxValue)]
    public void Size_ThatIsNone_IsRefused(uint size)
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetVringNum, 0, size));
    }

    [Fact]
    public void Queue_ThatDoesNotExist_IsRefusedOrHarmless()
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        using FileDescriptor kick = EventFd.Create();
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetVringNum, 18, 64));
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetVringNum, uint.MaxValue, 64));
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetVringKick, 200, kick));

        // QEMU names, enables and stops all queues it was given, whatever the device has.
        Assert.Equal(0UL, frontEnd.Tell(VhostUserRequest.SetVringCall, 200, kick));
        Assert.Equal(0UL, frontEnd.Tell(VhostUserRequest.SetVringEnable, 200, 1));
        Assert.Equal(0u, frontEnd.StopRing(200));
    }

    [Fact]
    public void Kick_RegularFile_IsRefusedAndTheRingDoesNotStart()
    {
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        FrontEnd frontEnd = guest.FrontEnd;
        _ = frontEnd.StopRing(5);
        Span<byte> payload = stackalloc byte[8];
        new VringDescriptor(5, true).Write(payload);
        frontEnd.Socket.Send(VhostUserRequest.SetVringKick, payload, [frontEnd.Ram.File], needsReply: true);
        Assert.Equal(1UL, frontEnd.Socket.ReceiveNumber(VhostUserRequest.SetVringKick));
        Assert.True(guest.Driver.Output(1).TryWrite([1]));
        _rig.Thread.Settle();
        Assert.Equal(0, guest.Driver.Output(1).Ring.UsedWaiting);
    }

    [Fact]
    public void Memory_BadTables_AreRefused()
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        MemoryRegion good = frontEnd.Ram.Regions(1)[0];
        Assert.Equal(1UL, frontEnd.TellMemory([good with { Length = 0 }]));
        Assert.Equal(1UL, frontEnd.TellMemory([good with { Length = good.Length + 1 }]));
        Assert.Equal(1UL, frontEnd.TellMemory([good with { FileOffset = ulong.MaxValue }]));
        Assert.Equal(1UL, frontEnd.TellMemory([good with { GuestAddress = ulong.MaxValue - 5 }]));
        Assert.Equal(1UL, frontEnd.TellMemory([good, good]));

        byte[] table = new byte[MemoryTable.HeadBytes + MemoryRegion.Size];
        table[0] = 1;
        good.Write(table.AsSpan(MemoryTable.HeadBytes));
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetMemTable, table, []));
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetMemTable, table, [frontEnd.Ram.File, frontEnd.Ram.File]));
        using FileDescriptor eventFd = EventFd.Create();
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetMemTable, table, [eventFd]));
        Assert.Equal(1UL, frontEnd.TellRegion(VhostUserRequest.RemMemReg, good));
        Assert.Equal(0UL, frontEnd.Tell(VhostUserRequest.SetMemTable, table, [frontEnd.Ram.File]));
    }

    /// <summary>Memory that changes under running rings: they stop, and go on in the new memory.</summary>
    [Fact]
    public void Memory_ReplacedWhileRunning_RingsGoOn()
    {
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        _ = guest.FrontEnd.TellMemory(guest.FrontEnd.Ram.Regions(4));
        _ = guest.FrontEnd.TellMemory(guest.FrontEnd.Ram.Regions(1));
        guest.Driver.Write(1, Guest.Bytes(50_000, 1));
        Wait.Until(() => _rig.Thread.Invoke(() => _end.TakenCount) == 50_000, "bytes after the change");
        Assert.Equal(Guest.Bytes(50_000, 1), _end.Taken);
    }

    /// <summary>Memory that goes away under running rings: they stop.</summary>
    [Fact]
    public void Memory_RemovedWhileRunning_RingsStop()
    {
        using Guest guest = new(_rig);
        SerialRig.Open(guest.Driver, 1);
        foreach (MemoryRegion region in guest.FrontEnd.Ram.Regions(2))
        {
            _ = guest.FrontEnd.TellRegion(VhostUserRequest.RemMemReg, region);
        }

        Assert.True(guest.Driver.Output(1).TryWrite([1]));
        guest.Driver.Output(1).Kick();
        _rig.Thread.Invoke(() => _end.Give([1]));
        _rig.Thread.Settle();
        Assert.Equal(0, _end.TakenCount);
        Assert.Equal(0, guest.Driver.Input(1).Ring.UsedWaiting);
    }

    /// <summary>Pausing, or telling the memory again, is no reset; and an error descriptor may be replaced under a running ring.</summary>
    [Fact]
    public void Ring_Broken_StaysStoppedThroughAPause()
    {
        using Guest guest = new(_rig, Guest.Plain);
        SerialRig.Open(guest.Driver, 1);
        using FileDescriptor first = EventFd.Create();
        using FileDescriptor second = EventFd.Create();
        _ = guest.FrontEnd.Tell(VhostUserRequest.SetVringErr, 5, first);
        _ = guest.FrontEnd.Tell(VhostUserRequest.SetVringErr, 5, second);
        DriverRing ring = guest.Driver.Output(1).Ring;
        Assert.True(guest.Driver.Output(1).TryWrite([1]));
        guest.Driver.Output(1).Kick();
        Wait.Until(() => _end.TakenCount == 1, "a byte");
        ring.PutAvailableIndex(unchecked((ushort)(ring.AvailableIndex + 1000)));
        guest.Driver.Output(1).Kick();
        Wait.Until(() => _rig.Thread.Invoke(() => _rig.Device.IsBroken), "the fault");
        Assert.True(second.Read(stackalloc byte[8]).IsSuccess, "the error descriptor was not signalled");
        Assert.True(first.Read(stackalloc byte[8]).IsAgain);

        ring.PutAvailableIndex(ring.AvailableIndex);
        _ = guest.FrontEnd.TellMemory(guest.FrontEnd.Ram.Regions(1));
        Assert.True(guest.Driver.Output(1).TryWrite([2]));
        guest.Driver.Output(1).Kick();
        _rig.Thread.Settle();
        Assert.Equal(1, _end.TakenCount);
        Assert.True(_rig.Thread.Invoke(() => _rig.Device.IsBroken));
    }

    /// <summary>A guest that breaks any ring loses its device until it resets it.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(5)]
    public void Ring_Broken_StopsThatDeviceUntilReset(int queue)
    {
        using Guest guest = new(_rig, Guest.Plain);
        SerialRig.Open(guest.Driver, 1);
        guest.Driver.Queues[queue].Ring.PutAvailableIndex(unchecked((ushort)(guest.Driver.Queues[queue].Ring.AvailableIndex + 1000)));
        guest.Driver.Queues[queue].Kick();
        _rig.Thread.Invoke(() =>
        {
            _end.Give([1]);
            _end.Connect(false);
            _end.Connect(true);
        });
        Wait.Until(() => _rig.Thread.Invoke(() => _rig.Device.IsBroken), "the fault");
        Assert.NotEqual(0UL, guest.FrontEnd.Get(VhostUserRequest.GetStatus) & (ulong)DeviceStatus.NeedsReset);
        byte[] message = new byte[64];
        Wait.Until(() => guest.FrontEnd.BackendRequests!.Read(message).IsSuccess, "the word that the configuration changed");
        Assert.True(_rig.Log.Contains($"broke queue {queue} (IndexRunsAhead)"));

        guest.FrontEnd.Deactivate(guest.Driver.Queues);
        guest.Driver.ResetRings();
        guest.FrontEnd.Activate(Guest.Taken(guest.FrontEnd, Guest.Plain), guest.Driver.Queues);
        guest.Driver.Probe();
        SerialRig.Open(guest.Driver, 1);
        Assert.False(_rig.Thread.Invoke(() => _rig.Device.IsBroken));
        guest.Driver.Write(1, [1, 2, 3]);
        Wait.Until(() => _rig.Thread.Invoke(() => _end.TakenCount) == 3, "bytes of the new driver");
    }

    [Fact]
    public void Ring_OutsideMemory_IsRefused()
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        using FileDescriptor kick = EventFd.Create();
        Assert.Equal(0UL, frontEnd.TellMemory(frontEnd.Ram.Regions(1)));
        Assert.Equal(0UL, frontEnd.Tell(VhostUserRequest.SetVringNum, 0, 64));
        Assert.Equal(0UL, frontEnd.TellAddress(new(0, 0, 0x1000, 0x2000, 0x3000, 0)));
        Assert.Equal(0UL, frontEnd.Tell(VhostUserRequest.SetVringKick, 0, kick));
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetVringEnable, 0, 1));
    }

    /// <summary>QEMU sends a packed ring's BASE, flag bits included, if the guest took one; it must not matter.</summary>
    [Fact]
    public void Base_Of32Bits_IsTaken()
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        Assert.Equal(0UL, frontEnd.Tell(VhostUserRequest.SetVringBase, 0, 0x80008000));
        Assert.Equal(0x8000u, frontEnd.StopRing(0));
        Assert.Equal(0UL, frontEnd.Tell(VhostUserRequest.SetStatus, 0xFFFFFFFFFFFFFF0FUL));
    }

    [Fact]
    public void Replies_NobodyReads_EndTheConnection()
    {
        using FrontEndSocket socket = new(_rig.Connect());
        byte[] ask = new byte[VhostUserHeader.Size];
        VhostUserHeader.Ask((uint)VhostUserRequest.GetFeatures, 0).Write(ask);
        Wait.Until(
            () =>
            {
                for (int i = 0; i < 1000; i++)
                {
                    PosixResult sent = UnixSocket.Send(socket.Socket, ask);
                    if (!sent.IsSuccess && !sent.IsAgain)
                    {
                        return true;
                    }
                }

                return false;
            },
            "the back-end to give up");
    }

    [Fact]
    public void Features_NotOffered_AreRefused()
    {
        using CloudHypervisorFrontEnd frontEnd = Negotiated();
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetFeatures, 1UL << 34));
        Assert.Equal(0UL, frontEnd.Tell(VhostUserRequest.SetFeatures, (ulong)VirtioFeatures.LogAll));
        Span<byte> payload = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, (1UL << 63) | 8);
        Assert.Equal(1UL, frontEnd.Tell(VhostUserRequest.SetProtocolFeatures, payload, []));
    }

    private CloudHypervisorFrontEnd Negotiated()
    {
        CloudHypervisorFrontEnd frontEnd = new(_rig.Connect(), new GuestRam(1 << 20));
        frontEnd.Realize();
        return frontEnd;
    }
}
