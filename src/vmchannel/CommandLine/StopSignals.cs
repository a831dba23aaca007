using System.Runtime.InteropServices;

namespace VmChannel.Cli.CommandLine;

/// <summary>Signals that ask this process to end, for a command that has something to put back first.</summary>
internal sealed class StopSignals : IDisposable
{
    private const int SignalBase = 128;

    private readonly CancellationTokenSource _stop = new();
    private readonly List<PosixSignalRegistration> _registrations = [];

    public StopSignals()
    {
        Register(PosixSignal.SIGINT, 2);
        Register(PosixSignal.SIGQUIT, 3);
        Register(PosixSignal.SIGHUP, 1);
        Register(PosixSignal.SIGTERM, 15);
    }

    /// <summary>Cancelled by the first.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>What shells make of an end by the signal that came; null when none did.</summary>
    public int? ExitCode { get; private set; }

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _stop.Dispose();
    }

    private void Register(PosixSignal signal, int number)
        => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            ExitCode ??= SignalBase + number;
            _stop.Cancel();
        }));
}
