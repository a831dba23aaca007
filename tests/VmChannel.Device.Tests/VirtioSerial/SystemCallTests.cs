using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.Chardevs;
using VmChannel.Native;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>System calls of the loop on the data path, by the kernel's count: what makes a channel slow shows here without a clock.</summary>
/// <remarks>
/// Whatever takes longer than a millisecond on a busy machine makes the loop do a little more. So each thing is done many times, a few in a
/// row, and the row that was disturbed least is what counts.
/// </remarks>
public sealed class SystemCallTests : IDisposable
{
    private const int Rows = 60;
    private const int TurnsPerRow = 5;
    private const int AllocationRows = 5;
    private const int MessageBytes = 32 * 1024;
    private const int BatchBytes = 4 * MessageBytes;

    private readonly TemporaryFolder _folder = new();
    private readonly SerialRig _rig = new(new(MaxPorts: 2));
    private readonly Guest _guest;
    private readonly FileDescriptor _host;
    private readonly byte[] _memory = new byte[BatchBytes];
    private readonly string _thread;

    public SystemCallTests()
    {
        _ = UnixAddress.TryCreate(_folder["host"], isAbstract: false, isTight: true, out UnixAddress? address, out _);
        _rig.Plug(new PortSpec(1, "unix"), _rig.Thread.Invoke(() => new UnixServer(_rig.Loop, address!, waitsForClient: false, NullLogger.Instance)));
        _ = StreamSocket.Connect(address!, out FileDescriptor? host).OrThrow("connect");
        _host = host!;
        _ = _host.SetNonBlocking(false).OrThrow("fcntl");
        _guest = new Guest(_rig, ringSize: 32, bufferBytes: MessageBytes);
        SerialRig.Open(_guest.Driver, 1);
        _thread = _rig.Thread.Invoke(() => Path.Combine("/proc", new FileInfo("/proc/thread-self").LinkTarget!));
        Wait.Until(() => _rig.Thread.Invoke(() => _rig.Ports[1].IsHostOpen), "the host end");
        RoundTrips(100);
    }

    [Fact]
    public void RoundTrip_OfOneByte_TakesFewSystemCalls()
    {
        (long calls, long waits) = Least(() => RoundTrips(TurnsPerRow));
        Assert.InRange(waits, TurnsPerRow, DataPathBudget.WaitsPerRoundTrip * TurnsPerRow);
        Assert.InRange(calls, 3 * TurnsPerRow, DataPathBudget.CallsPerRoundTrip * TurnsPerRow);
    }

    [Fact]
    public void RoundTrips_AllocateNothing()
    {
        long least = long.MaxValue;
        for (int row = 0; row < AllocationRows; row++)
        {
            long before = _rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread);
            RoundTrips(1000);
            least = Math.Min(least, _rig.Thread.Invoke(GC.GetAllocatedBytesForCurrentThread) - before);
        }

        Assert.InRange(least, 0, DataPathBudget.AllocatedBytes);
    }

    [Fact]
    public void MessagesOfTheGuest_ThatAreThereAtOnce_TakeOneWrite()
    {
        (long calls, _) = Least(() =>
        {
            _rig.Thread.Invoke(() =>
            {
                for (int sent = 0; sent < BatchBytes; sent += MessageBytes)
                {
                    Assert.True(_guest.Driver.Output(1).TrySend(_memory.AsSpan(0, MessageBytes)));
                }
            });
            TakeFromSocket(BatchBytes);
        });
        Assert.InRange(calls, 2, DataPathBudget.CallsPerBatchFromGuest);
    }

    [Fact]
    public void BytesOfTheHost_ThatAreThereAtOnce_TakeFewReads()
    {
        (long calls, _) = Least(() =>
        {
            _rig.Thread.Invoke(() => Assert.Equal(BatchBytes, _host.Write(_memory).OrThrow("write")));
            TakeFromRing(BatchBytes);
        });
        Assert.InRange(calls, 2, DataPathBudget.CallsPerBatchToGuest);
    }

    public void Dispose()
    {
        _host.Dispose();
        _guest.Dispose();
        _rig.Dispose();
        _folder.Dispose();
    }

    private void RoundTrips(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Wait.Until(() => _guest.Driver.Output(1).TrySend([1]), "room on the ring");
            TakeFromSocket(1);
            _ = _host.Write(_memory.AsSpan(0, 1)).OrThrow("write");
            TakeFromRing(1);
        }
    }

    private void TakeFromSocket(int bytes)
    {
        while (bytes > 0)
        {
            bytes -= _host.Read(_memory.AsSpan(0, bytes)).OrThrow("read");
        }
    }

    private void TakeFromRing(int bytes)
    {
        DriverQueue input = _guest.Driver.Input(1);
        Wait.Until(
            () =>
            {
                int count = input.TryRead(_memory);
                bytes -= Math.Max(count, 0);
                _ = count >= 0 ? input.Post(1) : 0;
                return bytes == 0;
            },
            "bytes for the guest");
    }

    /// <summary>The fewest system calls that an action took, and waits among them.</summary>
    private (long Calls, long Waits) Least(Action action)
    {
        (long Calls, long Waits) least = (long.MaxValue, long.MaxValue);
        for (int row = 0; row < Rows; row++)
        {
            _rig.Thread.Settle();
            (long transfers, long waits) before = (Transfers(), _rig.Loop.Wakeups);
            action();
            (long transfers, long waits) = (Transfers() - before.transfers, _rig.Loop.Wakeups - before.waits);
            least = transfers + waits < least.Calls ? (transfers + waits, waits) : least;
        }

        return least;
    }

    /// <summary>Calls of the read and write families, by the kernel, and those of epoll_ctl.</summary>
    private long Transfers()
        => _rig.Loop.WatchChanges + File.ReadLines(Path.Combine(_thread, "io"))
            .Where(line => line.StartsWith("syscr:", StringComparison.Ordinal) || line.StartsWith("syscw:", StringComparison.Ordinal))
            .Sum(line => long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));
}
