using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>How seldom device and driver tell each other: late calls for transmit buffers, kicks by the batch for receive buffers.</summary>
public sealed class NotificationTests
{
    private const int RingSize = 64;
    private const int BufferBytes = 64;

    /// <summary>A driver that the machine keeps from going on has stopped, for the device: one row in which it does not is enough.</summary>
    private const int Rows = 20;

    [Fact]
    public void Transmit_BuffersInARow_AreNotCalledForEach()
    {
        const int Messages = 500;
        using Setup setup = new();
        DriverQueue output = setup.Guest.Driver.Output(1);
        _ = output.Ring.EnableCalls();
        int least = Messages;
        for (int row = 0; row < Rows && least > Messages / 2; row++)
        {
            int calls = 0;
            for (int i = 0; i < Messages; i++)
            {
                Assert.True(output.TrySend([1]));
                Wait.Until(() => setup.End.TakenCount > (row * Messages) + i, "the message");
                calls += output.TakeCall() ? 1 : 0;
            }

            least = Math.Min(least, calls);
        }

        Assert.InRange(least, 0, Messages / 2);
    }

    /// <summary>What the driver names as the next chain is a number that it may choose: one that is none of the ring's must not keep it waiting.</summary>
    [Fact]
    public void Transmit_DriverThatNamesNonsense_IsCalledWhenItAsks()
    {
        using Setup setup = new();
        DriverQueue output = setup.Guest.Driver.Output(1);
        for (int i = 0; i < 20; i++)
        {
            // Nothing is wanted, and the number changes all the time.
            output.Ring.DisableCalls();
            Assert.True(output.TrySend([1]));
            Wait.Until(() => output.Ring.UsedWaiting > 0, "the message");
            _ = output.TakeCall();
        }

        _ = output.Ring.EnableCalls();
        Assert.True(output.TrySend([1]));
        Wait.Until(output.TakeCall, "the call");
    }

    [Fact]
    public void Transmit_LastBuffer_IsCalledFor()
    {
        using Setup setup = new();
        DriverQueue output = setup.Guest.Driver.Output(1);
        _ = output.Ring.EnableCalls();
        Assert.True(output.TrySend([1]));
        Wait.Until(output.TakeCall, "the call");
    }

    /// <summary>Such as Windows' driver, which completes a write when the device has used its buffer.</summary>
    [Fact]
    public void Transmit_DriverThatWaitsForEachBuffer_AlwaysGoesOn()
    {
        using Setup setup = new();
        DriverQueue output = setup.Guest.Driver.Output(1);
        _ = output.Ring.EnableCalls();
        for (int i = 0; i < 50; i++)
        {
            Assert.True(output.TrySend([1]));
            Wait.Until(output.TakeCall, "the call");
            output.Reclaim();
        }
    }

    /// <summary>Messages of a stream may wait for others; when it stops, wherever that is, none of them is left behind.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Transmit_StreamThatStopsAnywhere_ArrivesWhole(bool hasAnswers)
    {
        using Setup setup = new();
        DriverQueue output = setup.Guest.Driver.Output(1), input = setup.Guest.Driver.Input(1);
        byte[] answer = new byte[BufferBytes];
        long sent = 0;
        for (int round = 1; round <= 60; round++)
        {
            // One that has not gone to sleep yet is not kicked.
            setup.Rig.Thread.Settle();
            for (int i = 0; i < round * 17; i++)
            {
                Wait.Until(() => output.TrySend([1]), "room on the ring");
                sent++;
            }

            Wait.Until(() => setup.End.TakenCount == sent, "the rest of the stream");
            if (hasAnswers)
            {
                setup.Rig.Thread.Invoke(() => setup.End.Give([2]));
                Wait.Until(() => input.TryRead(answer) == 1, "the answer");
                _ = input.Post(1);
            }
        }

        // What a stream is spared in kicks, a driver that waits for answers must not pay in time: each message on its own is kicked for.
        Assert.InRange(output.Kicks, 60, sent);
    }

    /// <summary>Whatever of it nobody was kicked for is there when the guest goes, or its rings.</summary>
    [Fact]
    public void Transmit_StreamOfAGuestThatLeaves_ArrivesWhole()
    {
        for (int round = 0; round < 5; round++)
        {
            using Setup setup = new();
            DriverQueue output = setup.Guest.Driver.Output(1);
            int sent = 0;
            for (; sent < 5000 + (round * 7); sent++)
            {
                Wait.Until(() => output.TrySend([1]), "room on the ring");
            }

            // The kick for the last, if it was wanted, comes before the end of the connection.
            setup.Guest.FrontEnd.Dispose();
            Wait.Until(() => !setup.Rig.IsConnected, "the front-end's end");
            Assert.Equal(sent, setup.End.TakenCount);
        }
    }

    /// <summary>The loop hears of both at once, and who moved much has its turn after the front-end.</summary>
    [Fact]
    public void Transmit_LastKickOfABusyGuestThatLeaves_IsHeeded()
    {
        using Setup setup = new();
        DriverQueue output = setup.Guest.Driver.Output(1);
        setup.Rig.Thread.Invoke(FillRing);
        Wait.Until(() => setup.End.TakenCount == RingSize, "what makes it busy");
        setup.Rig.Thread.Invoke(() =>
        {
            FillRing();
            setup.Guest.FrontEnd.Dispose();
        });
        Wait.Until(() => !setup.Rig.IsConnected, "the front-end's end");
        Assert.Equal(2 * RingSize, setup.End.TakenCount);

        void FillRing()
        {
            for (int i = 0; i < RingSize; i++)
            {
                Assert.True(output.TrySend([1]));
            }
        }
    }

    [Fact]
    public void Transmit_FullRing_IsCalledFor()
    {
        using Setup setup = new();
        DriverQueue output = setup.Guest.Driver.Output(1);
        _ = output.Ring.EnableCalls();
        setup.Rig.Thread.Invoke(() => setup.End.Allow(0));
        while (output.TrySend([1]))
        {
        }

        setup.Rig.Thread.Invoke(() => setup.End.Allow(long.MaxValue));
        Wait.Until(output.TakeCall, "the call");
        Assert.True(output.Ring.UsedWaiting > 0);
    }

    [Fact]
    public void Receive_BuffersComeBackOneByOne_AreNotKickedForEach()
    {
        const int Buffers = 40 * RingSize;
        using Setup setup = new();
        DriverQueue input = setup.Guest.Driver.Input(1);
        setup.Rig.Thread.Invoke(() => setup.End.Give(new byte[Buffers * BufferBytes]));
        Wait.Until(() => input.Ring.UsedWaiting == RingSize, "a full ring");
        long before = input.Kicks;
        byte[] bytes = new byte[BufferBytes];
        for (int i = 0; i < Buffers; i++)
        {
            int length = 0;
            Wait.Until(() => (length = input.TryRead(bytes)) >= 0, "a buffer");
            Assert.Equal(BufferBytes, length);
            _ = input.Post(1);
        }

        Assert.InRange(input.Kicks - before, 0, Buffers / 4);
    }

    /// <summary>A driver may have fewer buffers than it once had; what comes back is used all the same.</summary>
    [Fact]
    public void Receive_FewBuffersComeBack_AreUsed()
    {
        using Setup setup = new();
        DriverQueue input = setup.Guest.Driver.Input(1);
        setup.Rig.Thread.Invoke(() => setup.End.Give(new byte[(RingSize + 20) * BufferBytes]));
        Wait.Until(() => input.Ring.UsedWaiting == RingSize, "a full ring");
        byte[] bytes = new byte[BufferBytes];
        while (input.TryRead(bytes) >= 0)
        {
        }

        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(1, input.Post(1));
            Wait.Until(() => input.TryRead(bytes) == BufferBytes, "the one buffer filled");
        }
    }

    private sealed class Setup : IDisposable
    {
        public Setup()
        {
            End = Rig.Plug(1);
            End.DiscardsTaken = true;
            Guest = new Guest(Rig, ringSize: RingSize, bufferBytes: BufferBytes);
            SerialRig.Open(Guest.Driver, 1);
        }

        public SerialRig Rig { get; } = new();

        public ScriptedEnd End { get; }

        public Guest Guest { get; }

        public void Dispose()
        {
            Guest.Dispose();
            Rig.Dispose();
        }
    }
}
