using VmChannel.Testing;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>A loop that looks around before it sleeps: it spares the driver its kicks, and loses none that it needs.</summary>
public sealed class PollingTests
{
    private const int BufferBytes = 64;
    private const int Port = 1;

    /// <summary>Longer than any pause of a test, so that the loop sleeps only before it has learnt that looking pays.</summary>
    private static readonly TimeSpan Endless = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(Guest.Usual)]
    [InlineData(Guest.Plain)]
    public void Looking_NeedsNoKicks(VirtioFeatures features)
    {
        const int Messages = 2000;
        using Setup setup = new(Endless, features);
        DriverQueue output = setup.Guest.Driver.Output(Port);
        setup.End.DiscardsTaken = true;
        for (int i = 0; i < Messages; i++)
        {
            Assert.True(output.TrySend([1]));
            Wait.Until(() => setup.End.TakenCount > i, "the message");
        }

        Assert.InRange(output.Kicks, 0, Messages / 10);
    }

    [Fact]
    public void Looking_PostsAndTimersHaveTheirTurn()
    {
        using Setup setup = new(Endless, Guest.Usual);
        DriverQueue output = setup.Guest.Driver.Output(Port);
        setup.End.DiscardsTaken = true;
        Assert.True(output.TrySend([1]));
        Wait.Until(() => setup.End.TakenCount == 1, "the message");
        setup.Thread.Settle();
        using ManualResetEventSlim fired = new();
        using Device.Loop.LoopTimer timer = setup.Thread.Invoke(() => setup.Thread.Loop.After(TimeSpan.FromMilliseconds(20), fired.Set));
        Assert.True(fired.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    /// <summary>Pauses around the moment at which the loop gives up and asks for kicks: whatever falls into it is served all the same.</summary>
    [Theory]
    [InlineData(Guest.Usual)]
    [InlineData(Guest.Plain)]
    public void PausesAsLongAsTheLook_LoseNothing(VirtioFeatures features)
    {
        const int Rounds = 3000;
        using Setup setup = new(TimeSpan.FromMicroseconds(50), features);
        DriverQueue output = setup.Guest.Driver.Output(Port), input = setup.Guest.Driver.Input(Port);
        byte[] answer = new byte[BufferBytes];
        for (int i = 0; i < Rounds; i++)
        {
            Thread.SpinWait(i * 37 % 4000);
            byte[] message = Guest.Bytes(BufferBytes, i);
            if (i % 2 == 0)
            {
                Assert.True(output.TrySend(message));
                Wait.Until(() => setup.End.TakenCount == (i + 2) / 2 * BufferBytes, "the message");
            }
            else
            {
                setup.Thread.Invoke(() => setup.End.Give(message));
                Wait.Until(() => input.TryRead(answer) == BufferBytes, "the answer");
                Assert.Equal(message, answer);
                Assert.Equal(1, input.Post(1));
            }
        }
    }

    /// <summary>Every byte of long streams both ways arrives, in order, while the receive ring runs dry again and again.</summary>
    [Fact]
    public void StreamsBothWays_ArriveWhole()
    {
        const int Bytes = 400 * 1000 / BufferBytes * BufferBytes;
        using Setup setup = new(TimeSpan.FromMicroseconds(200), Guest.Usual);
        DriverQueue output = setup.Guest.Driver.Output(Port), input = setup.Guest.Driver.Input(Port);
        byte[] there = Guest.Bytes(Bytes, 1), back = Guest.Bytes(Bytes, 2), buffer = new byte[BufferBytes];
        setup.Thread.Invoke(() => setup.End.Give(back));
        List<byte> received = [];
        int sent = 0;
        Wait.Until(
            () =>
            {
                while (sent < Bytes && output.TrySend(there.AsSpan(sent, BufferBytes)))
                {
                    sent += BufferBytes;
                }

                while (input.TryRead(buffer) is > 0 and int count)
                {
                    received.AddRange(buffer.AsSpan(0, count));
                    _ = input.Post(1);
                }

                return sent == Bytes && received.Count == Bytes && setup.End.TakenCount == Bytes;
            },
            "all bytes");
        Assert.True(received.SequenceEqual(back));
        Assert.True(setup.Thread.Invoke(() => setup.End.Taken.SequenceEqual(there)));
    }

    /// <summary>What the loop looks at may go away while it looks.</summary>
    [Fact]
    public void Reset_WhileLooking_IsHarmless()
    {
        using Setup setup = new(Endless, Guest.Usual);
        setup.End.DiscardsTaken = true;
        DriverQueue output = setup.Guest.Driver.Output(Port);
        Assert.True(output.TrySend([1]));
        Wait.Until(() => setup.End.TakenCount == 1, "the message");
        setup.Guest.Dispose();
        Wait.Until(() => !setup.Rig.IsConnected, "the front-end's end");

        using Guest next = new(setup.Rig, Guest.Usual, bufferBytes: BufferBytes);
        SerialRig.Open(next.Driver, Port);
        Assert.True(next.Driver.Output(Port).TrySend([1]));
        Wait.Until(() => setup.End.TakenCount == 2, "the next guest's message");
    }

    private sealed class Setup : IDisposable
    {
        public Setup(TimeSpan poll, VirtioFeatures features)
        {
            Thread = new LoopThread(new LogLines(), poll);
            Rig = new SerialRig(loop: Thread);
            End = Rig.Plug(Port);
            Guest = new Guest(Rig, features, bufferBytes: BufferBytes);
            SerialRig.Open(Guest.Driver, Port);
        }

        public LoopThread Thread { get; }

        public SerialRig Rig { get; }

        public ScriptedEnd End { get; }

        public Guest Guest { get; }

        public void Dispose()
        {
            Guest.Dispose();
            Rig.Dispose();
            Thread.Dispose();
        }
    }
}
