using VmChannel.Native;
using Xunit;

namespace VmChannel.Guest.Tests.Streams;

/// <summary>What threads that read and look at the same time know of the host.</summary>
public sealed class OpenChannelTests
{
    [Fact]
    public async Task Read_OfANextHostThatIsJustBeingLookedAt_KnowsIt()
    {
        StagedFile file = new() { IsOpen = true };
        using OpenChannel channel = new(StagedFile.Channel, HostCloseBehavior.Continue, file);
        file.IsOpen = false;
        LookAt(channel);
        Assert.Equal((false, 1), (channel.IsHostOpen, channel.Generation));

        // The look has found the next host, and nobody has been told yet.
        file.IsOpen = true;
        file.MayLookOn.Reset();
        Task look = Task.Run(() => LookAt(channel), TestContext.Current.CancellationToken);
        await file.Looks.WaitAsync(TestContext.Current.CancellationToken);
        Task<int> read = Task.Run(
            () =>
            {
                Assert.True(channel.TryRead(new byte[1], out int count));
                Assert.Equal(1, count);
                return channel.Generation;
            },
            TestContext.Current.CancellationToken);
        _ = await Task.WhenAny(read, Task.Delay(200, TestContext.Current.CancellationToken));
        file.MayLookOn.Set();
        Assert.Equal(2, await read);
        await look;
    }

    private static void LookAt(OpenChannel channel) => ((IPolled)channel).OnReady(EpollEvents.In);

    /// <summary>Has a byte at all times, and looks for as long as the test wants.</summary>
    private sealed class StagedFile() : ChannelFile(Channel)
    {
        public static readonly ChannelInfo Channel = new() { Name = "org.example.staged", Transport = ChannelTransport.UnixSocket, DevicePath = "/none" };

        public bool IsOpen { get; set; }

        public ManualResetEventSlim MayLookOn { get; } = new(true);

        public SemaphoreSlim Looks { get; } = new(0);

        public override FileDescriptor? Descriptor => null;

        public override IoOutcome Read(Span<byte> destination, out int count)
        {
            count = 1;
            return IoOutcome.Moved;
        }

        public override IoOutcome Write(ReadOnlySpan<byte> source, out int count)
        {
            count = source.Length;
            return IoOutcome.Moved;
        }

        public override HostSight Look()
        {
            if (!MayLookOn.IsSet)
            {
                _ = Looks.Release();
                MayLookOn.Wait();
            }

            return new(IsOpen);
        }

        public override bool IsNews(EpollEvents events, bool isOpen) => true;

        public override long NextLook(long now, bool writerWaits) => Never;

        public override PosixResult WatchWith(Func<FileDescriptor, PosixResult> watch) => default;

        public override void Dispose()
        {
            MayLookOn.Dispose();
            Looks.Dispose();
        }
    }
}
