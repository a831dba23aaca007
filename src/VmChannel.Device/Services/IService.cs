using System.IO.Pipelines;

namespace VmChannel.Device.Services;

/// <summary>A host end written as ordinary async code: it reads what a guest program wrote and writes what that should get.</summary>
public interface IService
{
    /// <summary>Its name in options and log lines.</summary>
    string Name { get; }

    /// <summary>Loop thread, once: checks or opens what every session needs.</summary>
    /// <exception cref="Channels.HostEndException">It cannot work: the message says what and what to do.</exception>
    void Start();

    /// <summary>Pool thread, one at a time: one session per time that a guest program has the port open.</summary>
    /// <param name="channel">
    /// Input completes after the last byte of that program; output completes when the program is gone (a flush then says so).
    /// Await every flush: that is what bounds memory. Both ends may be left as they are when the session returns.
    /// </param>
    /// <param name="cancellation">The server stops and has waited long enough.</param>
    /// <remarks>
    /// Returning or throwing while the guest program is still there closes the port for it, drops what it has not read yet,
    /// and a new session follows later.
    /// </remarks>
    Task RunAsync(IDuplexPipe channel, CancellationToken cancellation);

    /// <summary>Loop thread, once: gives back what <see cref="Start"/> took. A session may still be running.</summary>
    void Stop();
}
