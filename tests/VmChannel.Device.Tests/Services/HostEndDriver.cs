using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Services;

/// <summary>A real loop, guest memory, and the part of a port: a guest's program that opens, writes, reads and closes.</summary>
internal sealed class HostEndDriver : IAsyncDisposable
{
    private const int BufferBytes = 256 * 1024;
    private readonly MappedRegion _memory;
    private readonly SemaphoreSlim _woken = new(0);
    private readonly Thread _thread;
    private HostEnd? _end;

    public HostEndDriver()
    {
        Loop = new(Log.CreateLogger<DeviceLoop>());
        using FileDescriptor file = MappedRegion.CreateFile("guest", 2 * BufferBytes);
        _ = MappedRegion.Map(file, 2 * BufferBytes, out MappedRegion? memory).OrThrow("map");
        _memory = memory!;
        _thread = new(Loop.Run) { IsBackground = true };
        _thread.Start();
    }

    public static TimeSpan Patience => TimeSpan.FromSeconds(20);

    public RecordingLog Log { get; } = new();

    public DeviceLoop Loop { get; }

    public HostEnd End => _end!;

    public int Wakes { get; private set; }

    public Task StartAsync(HostEnd end)
    {
        _end = end;
        return OnLoopAsync(() => end.Start(() =>
        {
            Wakes++;
            _ = _woken.Release();
        }));
    }

    public Task SetGuestOpenAsync(bool isOpen) => OnLoopAsync(() => End.OnGuestOpen(isOpen));

    /// <summary>After a close: all that was on the ring has been taken.</summary>
    public Task DrainedAsync() => OnLoopAsync(() => End.OnGuestDrained());

    /// <summary>One offer of bytes, in two pieces as a chain would have them. Returns how many were taken.</summary>
    public Task<long> OfferAsync(ReadOnlyMemory<byte> bytes) => Loop.InvokeAsync(() => End.IsOpen ? End.Write(Pieces(bytes.Span)) : 0);

    /// <summary>Writes all, waiting for wakes as a ring does.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            ReadOnlyMemory<byte> piece = bytes[..Math.Min(bytes.Length, BufferBytes)];
            long taken = await OfferAsync(piece);
            bytes = bytes[(int)taken..];
            if (taken < piece.Length)
            {
                await WokenAsync();
            }
        }
    }

    /// <summary>What the end gives for one buffer of this size now.</summary>
    public Task<byte[]> TakeAsync(int bytes) => Loop.InvokeAsync(() =>
    {
        IoVector half = _memory.Vector(BufferBytes, (ulong)(bytes / 2))!.Value;
        IoVector rest = _memory.Vector((ulong)(BufferBytes + (bytes / 2)), (ulong)(bytes - (bytes / 2)))!.Value;
        int given = (int)End.Read([half, rest]);
        byte[] copy = new byte[given];
        _ = IoVector.CopyOut([half, rest], copy);
        return copy;
    });

    public async Task<byte[]> ReadExactlyAsync(int bytes)
    {
        byte[] all = new byte[bytes];
        for (int at = 0; at < bytes;)
        {
            byte[] piece = await TakeAsync(Math.Min(bytes - at, BufferBytes));
            piece.CopyTo(all, at);
            at += piece.Length;
            if (piece.Length == 0)
            {
                await WokenAsync();
            }
        }

        return all;
    }

    public Task<T> InvokeAsync<T>(Func<T> function) => Loop.InvokeAsync(function);

    public async Task WokenAsync() => Assert.True(await _woken.WaitAsync(Patience, TestContext.Current.CancellationToken), "no wake-up came");

    public static Task InTimeAsync(Task task) => task.WaitAsync(Patience, TestContext.Current.CancellationToken);

    public static Task<T> InTimeAsync<T>(Task<T> task) => task.WaitAsync(Patience, TestContext.Current.CancellationToken);

    public static Task MomentAsync() => Task.Delay(2, TestContext.Current.CancellationToken);

    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        for (long end = Environment.TickCount64 + (long)Patience.TotalMilliseconds; !condition();)
        {
            Assert.True(Environment.TickCount64 < end, what);
            await MomentAsync();
        }
    }

    public Task OnLoopAsync(Action action) => Loop.InvokeAsync(() =>
    {
        action();
        return true;
    });

    public async ValueTask DisposeAsync()
    {
        if (_end is not null)
        {
            await OnLoopAsync(_end.Dispose);
        }

        Loop.Stop();
        _thread.Join();
        Loop.Dispose();
        _memory.Dispose();
        _woken.Dispose();
        Log.Dispose();
    }

    private IoVector[] Pieces(ReadOnlySpan<byte> bytes)
    {
        int half = bytes.Length / 2;
        IoVector[] pieces = [_memory.Vector(0, (ulong)half)!.Value, _memory.Vector((ulong)half, (ulong)(bytes.Length - half))!.Value];
        _ = IoVector.CopyIn(bytes, pieces);
        return pieces;
    }
}
