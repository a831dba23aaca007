using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Ports;

/// <summary>Reads what clients send to a readonly port, so that it is seen when they leave, and drops it. Loop thread only.</summary>
/// <param name="loop">Gives it turns.</param>
/// <param name="channel">What the clients are at.</param>
/// <param name="dropped">Told how many bytes each time.</param>
internal sealed class InputDrain(DeviceLoop loop, Channel channel, Action<long> dropped) : Runnable
{
    private const int BytesPerTurn = 64 * 1024;

    private readonly PinnedBuffer _waste = new(BytesPerTurn);
    private bool _isStopped;

    /// <summary>Something may be there.</summary>
    public void Look() => loop.Schedule(this);

    public void Stop() => _isStopped = true;

    protected internal override bool Run()
    {
        if (_isStopped)
        {
            return false;
        }

        long count = channel.Read([_waste.Vector(0, BytesPerTurn)]);
        if (count > 0)
        {
            Moved += count;
            dropped(count);
        }

        // A client that floods gets a turn a millisecond, no more: nobody waits for these bytes.
        if (count == BytesPerTurn)
        {
            loop.Postpone(this);
        }

        return false;
    }
}
