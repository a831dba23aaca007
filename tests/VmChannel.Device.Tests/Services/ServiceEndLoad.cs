using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Tests.Services;

/// <summary>Round trips through a host end that run wholly on the loop thread: a message out, a turn, the message back.</summary>
internal sealed class ServiceEndLoad : Runnable
{
    private const int MessageBytes = 1000;
    private readonly HostEndDriver _guest;
    private readonly IoVector[] _out;
    private readonly IoVector[] _in;
    private readonly MappedRegion _memory;
    private readonly TaskCompletionSource<long> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _left;
    private long _pending;
    private long _before;

    private ServiceEndLoad(HostEndDriver guest, int trips)
    {
        _guest = guest;
        _left = trips;
        using FileDescriptor file = MappedRegion.CreateFile("load", 8192);
        _ = MappedRegion.Map(file, 8192, out MappedRegion? memory).OrThrow("map");
        _memory = memory!;
        _out = [_memory.Vector(0, MessageBytes)!.Value];
        _in = [_memory.Vector(4096, MessageBytes)!.Value];
    }

    /// <summary>Bytes allocated by the process meanwhile.</summary>
    public static async Task<long> RoundTripsAsync(HostEndDriver guest, int trips)
    {
        ServiceEndLoad load = new(guest, trips);
        await guest.OnLoopAsync(() =>
        {
            load._before = GC.GetTotalAllocatedBytes(precise: true);
            guest.Loop.Schedule(load);
        });
        long bytes = await HostEndDriver.InTimeAsync(load._done.Task);
        load._memory.Dispose();
        return bytes;
    }

    protected internal override bool Run()
    {
        if (_pending == 0)
        {
            _pending = _guest.End.Write(_out);
        }

        _pending -= _guest.End.Read(_in);
        if (_pending == 0 && --_left == 0)
        {
            _done.SetResult(GC.GetTotalAllocatedBytes(precise: true) - _before);
            return false;
        }

        return true;
    }
}
