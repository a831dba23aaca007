using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace VmChannel.Cli.Run;

/// <summary>
/// Signals to this process, which belong to the guest's command once it runs. Before that they abort; and whoever asks three
/// times, or asks us to terminate and waits five seconds, gets it without the guest's consent.
/// </summary>
internal sealed class RunSignals : IDisposable
{
    private const int Patience = 3;
    private static readonly TimeSpan TerminatePatience = TimeSpan.FromSeconds(5);

    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Channel<int> _pending = Channel.CreateUnbounded<int>();
    private readonly CancellationTokenSource _abort = new();
    private readonly TaskCompletionSource<int> _forced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;
    private volatile bool _isGuests;

    public RunSignals()
    {
        Register(PosixSignal.SIGINT, 2);
        Register(PosixSignal.SIGQUIT, 3);
        Register(PosixSignal.SIGHUP, 1);
        Register(PosixSignal.SIGTERM, 15);
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => OnResize?.Invoke()));
    }

    /// <summary>Cancelled by a signal that comes before the command's turn.</summary>
    public CancellationToken Abort => _abort.Token;

    /// <summary>The last signal before an abort: for the exit code.</summary>
    public int Last { get; private set; } = 2;

    /// <summary>Completes with the signal's number when the guest had its chance.</summary>
    public Task<int> Forced => _forced.Task;

    public Action? OnResize { get; set; }

    /// <summary>The next signal for the command. The first call makes the command their owner.</summary>
    public async Task<int> NextAsync(CancellationToken cancellationToken)
    {
        _isGuests = true;
        return await _pending.Reader.ReadAsync(cancellationToken);
    }

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _abort.Dispose();
    }

    private void Register(PosixSignal signal, int number) =>
        _registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            Last = number;
            if (!_isGuests)
            {
                _abort.Cancel();
                return;
            }

            _pending.Writer.TryWrite(number);
            if (Interlocked.Increment(ref _count) >= Patience)
            {
                _forced.TrySetResult(number);
            }
            else if (signal is PosixSignal.SIGTERM or PosixSignal.SIGHUP)
            {
                _ = Task.Delay(TerminatePatience).ContinueWith(_ => _forced.TrySetResult(number), TaskScheduler.Default);
            }
        }));
}
