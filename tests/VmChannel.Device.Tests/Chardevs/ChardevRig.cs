using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Loop;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs;

/// <summary>A host end on a real loop, and a guest that reads and writes through real mapped memory when it is woken.</summary>
internal sealed class ChardevRig : IDisposable
{
    public const int BufferBytes = 32 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly MappedRegion _memory;
    private readonly Thread _thread;
    private readonly MemoryStream _received = new();
    private readonly SemaphoreSlim _changed = new(0);
    private readonly Queue<byte[]> _toSend = new();
    private int _sentOfFirst;
    private bool _isGuestOpen = true;

    public ChardevRig(string options, bool isGuestOpen = true)
        : this((loop, log) => ChardevFactory.Create(Parse(options), loop, log), isGuestOpen)
    {
    }

    /// <param name="make">Makes the host end.</param>
    /// <param name="isGuestOpen">A program in the guest has the port open.</param>
    public ChardevRig(Func<DeviceLoop, ILogger, HostEnd> make, bool isGuestOpen = true)
    {
        using FileDescriptor file = MappedRegion.CreateFile("rig", 2 * BufferBytes);
        MappedRegion.Map(file, 2 * BufferBytes, out MappedRegion? memory).OrThrow("map");
        _memory = memory!;
        _isGuestOpen = isGuestOpen;
        Log = new RecordingLog();
        Loop = new DeviceLoop(new RecordingLog());
        End = make(Loop, Log);
        _thread = new Thread(Loop.Run) { IsBackground = true };
        _thread.Start();
    }

    public DeviceLoop Loop { get; }

    public HostEnd End { get; }

    public RecordingLog Log { get; }

    public int WakeUps { get; private set; }

    public List<bool> OpenHistory { get; } = [];

    public static ChardevRig Started(string options, bool isGuestOpen = true)
    {
        ChardevRig rig = new(options, isGuestOpen);
        rig.Start();
        return rig;
    }

    public void Start() => On(() =>
    {
        End.Start(OnWake);
        return true;
    });

    public static ChardevSpec Parse(string options)
    {
        Assert.True(ChardevOptions.TryParse(options, out ChardevSpec? spec, out string? error), error);
        return spec;
    }

    /// <summary>Runs on the loop's thread.</summary>
    public T On<T>(Func<T> function)
    {
        Task<T> task = Loop.InvokeAsync(function);
        Assert.True(((IAsyncResult)task).AsyncWaitHandle.WaitOne(Patience), "the loop does not answer");
        return task.GetAwaiter().GetResult();
    }

    /// <summary>A program in the guest opens the port: from now on bytes are read.</summary>
    public void OpenGuest() => On(() =>
    {
        _isGuestOpen = true;
        Move();
        return true;
    });

    public void CloseGuest() => On(() => _isGuestOpen = false);

    /// <summary>The guest writes; what the host end does not take now waits.</summary>
    public void Send(byte[] bytes) => On(() =>
    {
        _toSend.Enqueue(bytes);
        Move();
        return true;
    });

    public long Unsent() => On(() => _toSend.Sum(bytes => (long)bytes.Length) - _sentOfFirst);

    public byte[] Received() => On(_received.ToArray);

    public void WaitOpen(bool isOpen = true) => WaitFor(() => End.IsOpen == isOpen, $"the host end to be {(isOpen ? "open" : "closed")}");

    public byte[] WaitReceived(int count)
    {
        WaitFor(() => _received.Length >= count, $"{count} bytes");
        return Received();
    }

    public void WaitSent() => WaitFor(() => _toSend.Count == 0, "everything to be taken");

    public void WaitFor(Func<bool> condition, string what)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!On(condition))
        {
            Assert.True(watch.Elapsed < Patience, $"waited in vain for {what}; {On(() => $"open {End.IsOpen}, {End.Detail}, received {_received.Length}, queued {_toSend.Count}")}");
            _ = _changed.Wait(5);
        }
    }

    /// <summary>A piece of guest memory, bypassing the rig's own guest.</summary>
    public IoVector Buffer(int offset, int length) => _memory.Vector((ulong)offset, (ulong)length)!.Value;

    public void Dispose()
    {
        On(() =>
        {
            End.Dispose();
            return true;
        });
        Loop.Stop();
        Assert.True(_thread.Join(Patience), "the loop does not stop");
        Loop.Dispose();
        _memory.Dispose();
        _changed.Dispose();
    }

    private void OnWake()
    {
        WakeUps++;
        if (OpenHistory.Count == 0 || OpenHistory[^1] != End.IsOpen)
        {
            OpenHistory.Add(End.IsOpen);
        }

        Move();
        _changed.Release();
    }

    private void Move()
    {
        byte[] copy = new byte[BufferBytes];
        while (_isGuestOpen && End.IsOpen)
        {
            IoVector[] pieces = [Buffer(0, 1000), Buffer(1000, BufferBytes - 1000)];
            int count = (int)End.Read(pieces);
            if (count == 0)
            {
                break;
            }

            Assert.Equal(count, IoVector.CopyOut(pieces, copy.AsSpan(0, count)));
            _received.Write(copy.AsSpan(0, count));
        }

        while (End.IsOpen && _toSend.TryPeek(out byte[]? bytes))
        {
            int count = Math.Min(BufferBytes, bytes.Length - _sentOfFirst);
            IoVector piece = Buffer(BufferBytes, count);
            IoVector.CopyIn(bytes.AsSpan(_sentOfFirst, count), [piece]);
            int taken = (int)End.Write([piece]);
            _sentOfFirst += taken;
            if (_sentOfFirst == bytes.Length)
            {
                _toSend.Dequeue();
                _sentOfFirst = 0;
            }

            if (taken == 0)
            {
                break;
            }
        }
    }
}
