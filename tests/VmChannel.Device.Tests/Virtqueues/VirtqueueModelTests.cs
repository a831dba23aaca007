using CsCheck;
using VmChannel.Native;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Device.Tests.Virtqueues;

/// <summary>The ring against a list: whatever the driver adds comes out in order, whole, and goes back once, across index wraps.</summary>
public sealed class VirtqueueModelTests
{
    private static readonly Gen<Step> AnyStep = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 40], Gen.Int[1, 5]).Select((kind, amount, pieces)
        => new Step(kind < 5 ? StepKind.Add : kind < 8 ? StepKind.Gather : StepKind.Take, amount, pieces));

    [Theory]
    [InlineData(0)]
    [InlineData((int)VirtioFeatures.EventIndex)]
    [InlineData((int)VirtioFeatures.IndirectDescriptors)]
    [InlineData((int)(VirtioFeatures.IndirectDescriptors | VirtioFeatures.EventIndex))]
    public void Ring_AnyActions_AgreesWithAList(int features)
        => Gen.Select(AnyStep.Array[1, 120], Gen.UShort, Gen.Bool).Sample(
            (steps, start, nearWrap) => Play((VirtioFeatures)features, steps, nearWrap ? unchecked((ushort)-(start % 40)) : start),
            iter: 400);

    private static void Play(VirtioFeatures features, Step[] steps, ushort start)
    {
        const int RingSize = 16;
        using RingBench bench = new(features | VirtioFeatures.InOrder, RingSize, start: start);
        bool isIndirect = features.HasFlag(VirtioFeatures.IndirectDescriptors);
        Queue<byte[]> available = [];
        int used = 0;
        int content = 0;
        byte[] copy = new byte[64 * 1024];
        foreach (Step step in steps)
        {
            switch (step.Kind)
            {
                case StepKind.Add:
                    SplitDescriptor[] chain = new SplitDescriptor[step.Pieces];
                    byte[] bytes = new byte[step.Amount * step.Pieces];
                    // A slot per chain in flight, in the middle of which the memory's two regions meet.
                    int slot = content % 64;
                    int at = (slot * 512) + ((2 << 20) - (32 * 512) - bench.DataAt);
                    for (int i = 0; i < bytes.Length; i++)
                    {
                        bytes[i] = unchecked((byte)(content + i));
                    }

                    for (int i = 0; i < step.Pieces; i++)
                    {
                        chain[i] = bench.Buffer(at + (i * step.Amount), (uint)step.Amount);
                    }

                    if (isIndirect ? bench.Driver.TryAddIndirect(chain, out _) : bench.Driver.TryAdd(chain, out _))
                    {
                        bench.Ram.Words.Write(bench.DataAt + at, bytes);
                        available.Enqueue(bytes);
                        content++;
                    }

                    if (step.Amount % 3 != 0)
                    {
                        bench.Driver.Publish();
                    }

                    break;
                case StepKind.Gather:
                    bench.Driver.Publish();
                    int chains = bench.Queue.Gather(bench.Batch, 1 + (step.Amount * 20), 1 + step.Pieces);
                    Assert.Equal(available.Count > 0, chains > 0);
                    Assert.Equal(bench.Batch.Length, IoVector.CopyOut(bench.Batch.Pieces, copy));
                    int done = Math.Min(chains, step.Pieces);
                    int from = 0;
                    for (int i = 0; i < done; i++)
                    {
                        byte[] expected = available.Dequeue();
                        Assert.Equal(expected, copy[from..(from + expected.Length)]);
                        from += expected.Length;
                    }

                    bench.Queue.Complete(bench.Batch, done, 0);
                    used += done;
                    break;
                default:
                    while (bench.Driver.TryTake(out _, out uint written))
                    {
                        Assert.Equal(0u, written);
                        used--;
                    }

                    Assert.Equal(0, used);
                    break;
            }

            Assert.Equal(used, bench.Driver.UsedWaiting);
        }
    }

    [Fact]
    public void Ring_TwoHundredThousandChains_WrapsItsIndexThrice()
    {
        using RingBench bench = new(VirtioFeatures.EventIndex | VirtioFeatures.InOrder, size: 4, start: 65_500);
        for (int i = 0; i < 200_000; i++)
        {
            Assert.True(bench.Driver.TryAdd([bench.Buffer(i % 4096, 1)], out ushort head));
            bench.Driver.Publish();
            Assert.Equal(1, bench.Queue.Gather(bench.Batch, 1, 1));
            bench.Queue.Complete(bench.Batch, 1, 0);
            Assert.True(bench.Driver.TryTake(out ushort taken, out _));
            Assert.Equal(head, taken);
            Assert.True(bench.Queue.WaitForDriver(0));
            Assert.False(bench.Driver.NeedsKick() && i < 0);
        }
    }

    [Fact]
    public void Complete_WrittenBytes_FillChainsFrontToBack()
    {
        using RingBench bench = new(VirtioFeatures.InOrder, deviceWrites: true);
        Assert.True(bench.Driver.TryAdd([bench.Buffer(0, 10, true)], out _));
        Assert.True(bench.Driver.TryAdd([bench.Buffer(10, 5, true), bench.Buffer(20, 5, true)], out _));
        Assert.True(bench.Driver.TryAdd([bench.Buffer(30, 10, true)], out _));
        bench.Driver.Publish();
        Assert.Equal(3, bench.Queue.Gather(bench.Batch, long.MaxValue, 256));
        Assert.Equal(30, bench.Batch.Length);
        bench.Queue.Complete(bench.Batch, 3, 23);
        Assert.Equal([10u, 10u, 3u], Enumerable.Range(0, 3).Select(i => bench.Driver.TryTake(out _, out uint written) ? written : 0));
    }

    [Fact]
    public void Gather_LimitReached_StopsAfterTheChainThatReachesIt()
    {
        using RingBench bench = new(VirtioFeatures.InOrder);
        for (int i = 0; i < 6; i++)
        {
            Assert.True(bench.Driver.TryAdd([bench.Buffer(i * 100, 100)], out _));
        }

        bench.Driver.Publish();
        Assert.Equal(3, bench.Queue.Gather(bench.Batch, 250, 256));
        Assert.Equal(2, bench.Queue.Gather(bench.Batch, 10_000, 2));
        Assert.Equal(6, bench.Queue.Gather(bench.Batch, 10_000, 256));
        Assert.Equal(0, bench.Driver.UsedWaiting);
    }

    [Fact]
    public void Gather_ChainsWithoutBytes_AreLimitedByDescriptors()
    {
        using RingBench bench = new(VirtioFeatures.IndirectDescriptors, size: 256, tableEntries: 512);
        SplitDescriptor[] empty = new SplitDescriptor[512];
        for (int i = 0; i < 256; i++)
        {
            Assert.True(bench.Driver.TryAddIndirect(empty, out _));
        }

        bench.Driver.Publish();
        Assert.Equal(8, bench.Queue.Gather(bench.Batch, long.MaxValue, 256));
    }

    [Fact]
    public void Start_UsedIndexInMemory_IsWhereItGoesOn()
    {
        using RingBench bench = new(VirtioFeatures.InOrder, start: 40_000);
        Assert.Equal(40_000, bench.Queue.Position);
        Assert.Equal(0, bench.Queue.Available());
    }

    private enum StepKind
    {
        Add,
        Gather,
        Take,
    }

    private readonly record struct Step(StepKind Kind, int Amount, int Pieces);
}
