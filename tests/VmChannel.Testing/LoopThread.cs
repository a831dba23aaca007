using VmChannel.Device.Loop;

namespace VmChannel.Testing;

/// <summary>A device loop on a thread of its own.</summary>
public sealed class LoopThread : IDisposable
{
    private readonly Thread _thread;

    /// <param name="log">For defects.</param>
    /// <param name="poll">How long it looks around before it sleeps.</param>
    public LoopThread(LogLines log, TimeSpan poll = default)
    {
        Loop = new DeviceLoop(log.For<DeviceLoop>(), poll);
        _thread = new Thread(Loop.Run) { IsBackground = true, Name = "loop" };
        _thread.Start();
    }

    public DeviceLoop Loop { get; }

    /// <summary>Runs on the loop thread and waits.</summary>
    public T Invoke<T>(Func<T> function) => Loop.InvokeAsync(function).GetAwaiter().GetResult();

    /// <inheritdoc cref="Invoke{T}"/>
    public void Invoke(Action action)
        => _ = Invoke(() =>
        {
            action();
            return true;
        });

    /// <summary>Lets everything run that was signalled before this call, a few turns deep.</summary>
    public void Settle(int rounds = 8)
    {
        for (int i = 0; i < rounds; i++)
        {
            _ = Invoke(() => true);
        }
    }

    public void Dispose()
    {
        Loop.Stop();
        _thread.Join();
        Loop.Dispose();
    }
}
