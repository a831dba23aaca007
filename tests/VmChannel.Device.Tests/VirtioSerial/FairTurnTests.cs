using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Native;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.VirtioSerial;

/// <summary>A message of one byte beside ports that always have more: what goes before it is counted, not timed.</summary>
/// <remarks>All is done on the loop's thread, in the middle of the others' turns, so nothing depends on how fast a thread is.</remarks>
public sealed class FairTurnTests : IDisposable
{
    private const int Chatty = 1;
    private const int FirstBulk = 2;
    private const int BulkPorts = 16;
    private const int BufferBytes = 32 * 1024;
    private const int Messages = 200;

    /// <summary>Turns of others between two messages: not a multiple of their number, so that each is caught in its turn.</summary>
    private const int TurnsBetween = 23;

    private readonly SerialRig _rig = new(new(MaxPorts: FirstBulk + BulkPorts));
    private readonly Dictionary<int, BulkEnd> _ends = [];
    private readonly Guest _guest;
    private readonly byte[] _message = new byte[BufferBytes];
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Action _say = static () => { };
    private long _bulkBytes;
    private long _bulkTurns;
    private long? _sentAt;
    private long _nextAt = 4 * BulkPorts;
    private int _served;
    private long _most;

    public FairTurnTests()
    {
        for (int port = Chatty; port < FirstBulk + BulkPorts; port++)
        {
            BulkEnd end = new();
            _ends[port] = end;
            _rig.Plug(new PortSpec(port, $"test.port{port}"), end);
        }

        _guest = new Guest(_rig, ringSize: 16, bufferBytes: BufferBytes);
        for (int port = Chatty; port < FirstBulk + BulkPorts; port++)
        {
            SerialRig.Open(_guest.Driver, port);
        }
    }

    [Fact]
    public async Task MessageOfTheGuest_BesideSixteenBulkPorts_WaitsForOneTurn()
    {
        OnBulk(Refill);
        _ends[Chatty].WasWritten = _ => OnServed();
        await MeasureAsync(Begin, () => Assert.True(_guest.Driver.Output(Chatty).TrySend([1])));
    }

    [Fact]
    public async Task MessageOfTheHost_BesideSixteenBulkPorts_WaitsForOneTurn()
    {
        OnBulk(Repost);
        _ends[Chatty].WasRead = _ =>
        {
            _ends[Chatty].Left = 0;
            Repost(Chatty);
            OnServed();
        };
        await MeasureAsync(port => _ends[port].Give(long.MaxValue), () => _ends[Chatty].Give(1));
    }

    /// <summary>They all were silent, so nobody can know that they have more than the one behind them.</summary>
    [Fact]
    public async Task MessageOfTheGuest_BehindSixteenThatBegin_WaitsForAShortTurnOfEach()
    {
        OnBulk(Refill);
        _nextAt = long.MaxValue;
        _ends[Chatty].WasWritten = _ => Finish(_bulkBytes);
        _rig.Thread.Invoke(() =>
        {
            foreach (int port in Bulk)
            {
                Begin(port);
            }

            Assert.True(_guest.Driver.Output(Chatty).TrySend([1]));
        });
        await _done.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.InRange(_most, 0, BulkPorts * TurnQueue.LightBytes);
    }

    public void Dispose()
    {
        _rig.Thread.Invoke(Stop);
        _guest.Dispose();
        _rig.Dispose();
    }

    private static IEnumerable<int> Bulk => Enumerable.Range(FirstBulk, BulkPorts);

    private void OnBulk(Action<int> again)
    {
        foreach (int port in Bulk)
        {
            _ends[port].WasWritten = _ends[port].WasRead = bytes =>
            {
                _bulkBytes += bytes;
                _bulkTurns++;
                again(port);
                if (_bulkTurns == _nextAt)
                {
                    _sentAt = _bulkBytes;
                    _say();
                }
            };
        }
    }

    private async Task MeasureAsync(Action<int> begin, Action say)
    {
        _rig.Thread.Invoke(() =>
        {
            _say = say;
            foreach (int port in Bulk)
            {
                begin(port);
            }
        });
        await _done.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.InRange(_most, 0, TurnQueue.BytesPerLook);
        Assert.All(Bulk, port => Assert.InRange(_ends[port].Moved, _bulkBytes / BulkPorts / 2, _bulkBytes / BulkPorts * 2));
    }

    private void OnServed()
    {
        if (_sentAt is long sent)
        {
            _sentAt = null;
            _most = Math.Max(_most, _bulkBytes - sent);
            _nextAt = _bulkTurns + TurnsBetween;
            if (++_served == Messages)
            {
                Finish(_most);
            }
        }
    }

    private void Finish(long most)
    {
        _most = most;
        Stop();
        _ = _done.TrySetResult();
    }

    private void Stop()
    {
        foreach (BulkEnd end in _ends.Values)
        {
            end.WasWritten = end.WasRead = static _ => { };
            end.Left = 0;
        }
    }

    private void Begin(int port)
    {
        Refill(port);
        _guest.Driver.Output(port).Kick();
    }

    private void Refill(int port)
    {
        DriverQueue output = _guest.Driver.Output(port);
        while (output.TryWrite(_message))
        {
        }
    }

    private void Repost(int port)
    {
        _guest.Driver.Input(port).Reclaim();
        _ = _guest.Driver.Input(port).Post(int.MaxValue);
    }

    /// <summary>Takes all, has as much as it is told, and tells of each turn. Loop thread only.</summary>
    private sealed class BulkEnd : HostEnd
    {
        public override string Description => "bulk";

        public override bool HasInput => Left > 0;

        public long Left { get; set; }

        public long Moved { get; private set; }

        public Action<long> WasWritten { get; set; } = static _ => { };

        public Action<long> WasRead { get; set; } = static _ => { };

        public void Give(long bytes)
        {
            Left = bytes;
            Wake();
        }

        public override long Write(ReadOnlySpan<IoVector> source) => Count(IoVector.Sum(source), WasWritten);

        public override long Read(ReadOnlySpan<IoVector> destination)
            => Left == 0 ? 0 : Count(Math.Min(IoVector.Sum(destination), Left), WasRead);

        protected override void OnStart() => SetOpen(true, null);

        private long Count(long bytes, Action<long> told)
        {
            Moved += bytes;
            told(bytes);
            return bytes;
        }
    }
}
