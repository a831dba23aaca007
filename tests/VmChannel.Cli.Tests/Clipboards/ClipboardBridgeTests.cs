using System.Threading.Channels;
using VmChannel.Cli.Clipboards;
using Xunit;

namespace VmChannel.Cli.Tests.Clipboards;

public sealed class ClipboardBridgeTests : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly MemorySide[] _sides = [new("a"), new("b"), new("c")];
    private readonly List<string> _complaints = [];
    private readonly ClipboardBridge _bridge;
    private readonly Task _running;

    public ClipboardBridgeTests()
    {
        _bridge = new(_sides, complaint =>
        {
            lock (_complaints)
            {
                _complaints.Add(complaint);
            }
        });
        _running = _bridge.RunAsync(_end.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _bridge.Dispose();
        _end.Dispose();
    }

    [Fact]
    public async Task Copies_OnAnySide_ReachTheOthersOnce()
    {
        for (int i = 0; i < 30; i++)
        {
            ClipboardItem item = new("text/plain", [(byte)i]);
            _sides[i % 3].Copy(item);
            await UntilAsync(() => _sides.All(side => side.Item?.Identity == item.Identity));
        }

        // Each side tells of what the bridge wrote, too, as a desktop does: that goes nowhere.
        await UntilAsync(() => _sides.All(side => side.IsQuiet));
        Assert.Equal(30, _bridge.Passed);
    }

    [Fact]
    public async Task Side_ThatTakesNothing_IsComplainedOfAndTheOthersGetIt()
    {
        _sides[1].Refuses = true;
        ClipboardItem item = new("image/png", [1, 2, 3]);
        _sides[0].Copy(item);
        await UntilAsync(() => _sides[2].Item?.Identity == item.Identity);
        Assert.Null(_sides[1].Item);
        Assert.Contains("b: it takes nothing", _complaints);
    }

    [Fact]
    public async Task Side_ThatIsSlowToAnswer_StallsNobodyAndItsOlderItemGoesNowhere()
    {
        TaskCompletionSource answer = new();
        _sides[0].Answer = answer.Task;
        _sides[0].Copy(new("text/plain", [1]));
        await UntilAsync(() => _sides[0].Reads > 0);
        ClipboardItem newer = new("text/plain", [2]);
        _sides[1].Refuses = true;
        _sides[0].Refuses = true;
        _sides[1].Copy(newer);
        await UntilAsync(() => _sides[2].Item?.Identity == newer.Identity);
        answer.SetResult();

        // The last side's copy gets past whatever the first one brought.
        await UntilAsync(() => _sides.All(side => side.IsQuiet));
        ClipboardItem last = new("text/plain", [3]);
        _sides[1].Refuses = false;
        _sides[0].Refuses = false;
        _sides[0].Copy(last);
        await UntilAsync(() => _sides.All(side => side.Item?.Identity == last.Identity));
        Assert.Equal(2, _bridge.Passed);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (long end = Environment.TickCount64 + 20_000; !condition();)
        {
            Assert.True(Environment.TickCount64 < end, "it did not come");
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A clipboard that tells of every change, whoever made it.</summary>
    private sealed class MemorySide(string name) : IClipboardSide
    {
        private readonly Channel<bool> _changes = Channel.CreateUnbounded<bool>();
        private volatile ClipboardItem? _item;

        public string Name => name;

        public ClipboardItem? Item => _item;

        public bool Refuses { get; set; }

        /// <summary>When it gives what it has.</summary>
        public Task Answer { get; set; } = Task.CompletedTask;

        public int Reads { get; private set; }

        public bool IsQuiet => _changes.Reader.Count == 0;

        public void Copy(ClipboardItem item)
        {
            _item = item;
            _ = _changes.Writer.TryWrite(true);
        }

        public async Task WatchAsync(Func<Task> changed, CancellationToken cancellation)
        {
            await foreach (bool _ in _changes.Reader.ReadAllAsync(cancellation))
            {
                await changed();
            }
        }

        public async Task<ClipboardItem?> ReadAsync(CancellationToken cancellation)
        {
            ClipboardItem? item = _item;
            Reads++;
            await Answer.WaitAsync(cancellation);
            return item;
        }

        public Task WriteAsync(ClipboardItem item, CancellationToken cancellation)
        {
            if (Refuses)
            {
                throw new IOException("it takes nothing");
            }

            Copy(item);
            return Task.CompletedTask;
        }
    }
}
