using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace VmChannel.SystemTests.Rig;

/// <summary>Runs commands in a guest over a serial line of its own, any number at once; see guest-init.sh.</summary>
/// <param name="input">The guest's end of the line, for writing.</param>
/// <param name="output">The guest's lines.</param>
internal sealed class GuestShell(Stream input, Lines output)
{
    private readonly Lock _writing = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<GuestResult>> _running = new();
    private int _lastId;
    private int _boots;

    /// <summary>How often the guest has come up.</summary>
    public int Boots => Volatile.Read(ref _boots);

    /// <summary>Takes the guest's answers until it says no more.</summary>
    public async Task ReadAsync()
    {
        for (int next = 0; ; next++)
        {
            string line;
            try
            {
                line = await output.WaitForNextAsync(next);
            }
            catch (EndOfStreamException)
            {
                break;
            }

            Take(line);
        }

        foreach (TaskCompletionSource<GuestResult> waiting in _running.Values)
        {
            _ = waiting.TrySetException(new IOException("the guest has ended"));
        }
    }

    /// <summary>Starts a bash script in the guest.</summary>
    /// <returns>Completes when it has ended.</returns>
    public Task<GuestResult> RunAsync(string script)
    {
        string id = Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);
        TaskCompletionSource<GuestResult> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _running[id] = result;
        string escaped = script.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        lock (_writing)
        {
            // Short, and the guest's line buffers it.
            input.Write(Encoding.UTF8.GetBytes($"{id} {escaped}\n"));
        }

        return result.Task;
    }

    private void Take(string line)
    {
        if (line == "@ready")
        {
            _ = Interlocked.Increment(ref _boots);
        }
        else if (line.StartsWith('@') && line[1..].Split(' ') is [string id, string code, string text] && _running.TryRemove(id, out TaskCompletionSource<GuestResult>? waiting))
        {
            waiting.SetResult(new(int.Parse(code, CultureInfo.InvariantCulture), Encoding.UTF8.GetString(Convert.FromBase64String(text))));
        }
    }
}
