using VmChannel.Device.Loop;
using Xunit;

namespace VmChannel.Device.Tests.Loop;

public sealed class TurnQueueTests
{
    private readonly TurnQueue _queue = new();

    [Fact]
    public void Light_GoesBeforeHeavy_InOrder()
    {
        Work heavy = new() { Moved = TurnQueue.LightBytes }, first = new(), second = new() { Moved = TurnQueue.LightBytes - 1 };
        _queue.Add(heavy);
        _queue.Add(first);
        _queue.Add(second);
        _queue.OnLook();
        Assert.Equal([first, second, heavy], Take(moved: 0));
        Assert.True(_queue.IsEmpty);
    }

    [Fact]
    public void Turn_IsShortForWhoMayBeHeavy_WhileOthersWait()
    {
        Work heavy = new() { Moved = TurnQueue.MaxBytesPerTurn }, light = new();
        _queue.Add(heavy);
        _queue.Add(light);
        _queue.OnLook();
        Assert.True(_queue.TryTake(out Runnable? taken) && taken == light);
        Assert.Equal(TurnQueue.LightBytes, _queue.BytesPerTurn);
        _queue.Add(light);
        Assert.True(_queue.TryTake(out taken) && taken == heavy);
        Assert.Equal(TurnQueue.MaxBytesPerTurn, _queue.BytesPerTurn);
        _queue.OnLook();
        Assert.True(_queue.TryTake(out taken) && taken == light);
        Assert.Equal(TurnQueue.MaxBytesPerTurn, _queue.BytesPerTurn);
    }

    [Fact]
    public void Heavy_OfAnyNumber_MoveNoMoreThanTheirShareBetweenTwoLooks()
    {
        for (int i = 0; i < 16; i++)
        {
            _queue.Add(new Work { Moved = TurnQueue.BytesPerLook });
        }

        _queue.OnLook();
        _ = Assert.Single(Take(moved: TurnQueue.BytesPerLook));
        _queue.OnLook();
        Assert.Equal(4, Take(moved: TurnQueue.BytesPerLook / 4).Count);
    }

    /// <summary>Those who come again and again with little do not keep the others from their turns.</summary>
    [Fact]
    public void Heavy_BesideManyLight_HaveHalfOfTheTime()
    {
        const int Light = 40;
        const int Looks = 1000;
        Work heavy = new() { Moved = TurnQueue.BytesPerLook };
        _queue.Add(heavy);
        for (int i = 0; i < Light; i++)
        {
            _queue.Add(new Work());
        }

        long heavyBytes = 0;
        int lightTurns = 0;
        for (int look = 0; look < Looks; look++)
        {
            _queue.OnLook();
            while (_queue.TryTake(out Runnable? taken))
            {
                taken.Moved = taken == heavy ? TurnQueue.BytesPerLook : 1;
                heavyBytes += taken == heavy ? taken.Moved : 0;
                lightTurns += taken == heavy ? 0 : 1;
                _queue.OnTurn(taken);
                _queue.Add(taken);
            }
        }

        Assert.Equal(Light * Looks, lightTurns);
        Assert.InRange(heavyBytes, (long)lightTurns * TurnQueue.LightBytes, (long)lightTurns * TurnQueue.LightBytes * 2);
    }

    private List<Runnable> Take(int moved)
    {
        List<Runnable> taken = [];
        while (_queue.TryTake(out Runnable? work))
        {
            taken.Add(work);
            work.Moved = moved;
            _queue.OnTurn(work);
        }

        return taken;
    }

    private sealed class Work : Runnable
    {
        protected internal override bool Run() => false;
    }
}
