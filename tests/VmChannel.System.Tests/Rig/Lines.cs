namespace VmChannel.SystemTests.Rig;

/// <summary>What a process has said so far, by lines, and waiting for it to say something.</summary>
internal sealed class Lines(string name)
{
    private readonly Lock _lock = new();
    private readonly List<string> _lines = [];
    private TaskCompletionSource _changed = New();
    private bool _isOver;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _lines.Count;
            }
        }
    }

    public string[] All
    {
        get
        {
            lock (_lock)
            {
                return [.. _lines];
            }
        }
    }

    public bool Contains(string part) => All.Any(line => line.Contains(part, StringComparison.Ordinal));

    /// <summary>How many lines have this part.</summary>
    public int CountOf(string part) => All.Count(line => line.Contains(part, StringComparison.Ordinal));

    /// <summary>The first line with this part, said already or yet to come.</summary>
    /// <param name="part">Compared byte for byte.</param>
    /// <param name="from">Lines before this one do not count.</param>
    public async Task<string> WaitForAsync(string part, int from = 0)
    {
        using CancellationTokenSource limit = new(Patience.Short);
        while (true)
        {
            Task changed;
            bool isOver;
            lock (_lock)
            {
                for (; from < _lines.Count; from++)
                {
                    if (_lines[from].Contains(part, StringComparison.Ordinal))
                    {
                        return _lines[from];
                    }
                }

                changed = _changed.Task;
                isOver = _isOver;
            }

            try
            {
                await (isOver ? Task.FromCanceled(new(true)) : changed.WaitAsync(limit.Token));
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"{name} never said \"{part}\"{(isOver ? " before it ended" : "")}:\n{this}");
            }
        }
    }

    /// <summary>The line with this index.</summary>
    /// <exception cref="EndOfStreamException">There will be none.</exception>
    public async Task<string> WaitForNextAsync(int index)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (index < _lines.Count)
                {
                    return _lines[index];
                }

                changed = _isOver ? throw new EndOfStreamException() : _changed.Task;
            }

            await changed;
        }
    }

    public override string ToString() => string.Join('\n', All);

    /// <summary>Reads lines until the stream ends.</summary>
    public async Task FillAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is string line)
        {
            Change(() => _lines.Add(line));
        }

        Change(() => _isOver = true);
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Change(Action change)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            change();
            changed = _changed;
            _changed = New();
        }

        changed.SetResult();
    }
}
