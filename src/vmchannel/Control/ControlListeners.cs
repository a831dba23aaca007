using Microsoft.Extensions.Logging;
using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Native;

namespace VmChannel.Cli.Control;

/// <summary>The sockets on which clients of the control API connect.</summary>
internal sealed partial class ControlListeners : IDisposable
{
    private const int Backlog = 128;

    private readonly ILogger _log;
    private readonly ControlSocket? _unix;
    private readonly FileDescriptor? _tcp;

    private ControlListeners(ControlSocket? unix, FileDescriptor? tcp, BearerToken? token, ILogger log)
    {
        _unix = unix;
        _tcp = tcp;
        _log = log;
        Token = token;
        Sockets = [.. new[] { unix?.Listener, tcp }.OfType<FileDescriptor>()];
    }

    public IReadOnlyList<FileDescriptor> Sockets { get; }

    /// <summary>Where VMs have their names; null = nowhere.</summary>
    public IVmNames? Names => _unix;

    /// <summary>The unix socket's path; null = none.</summary>
    public string? Path => _unix?.Path;

    /// <summary>What clients over TCP have to show.</summary>
    public BearerToken? Token { get; }

    /// <summary>Where clients over TCP connect; null = nowhere.</summary>
    public System.Net.IPEndPoint? TcpAddress => _tcp is null ? null : StreamSocket.LocalAddress(_tcp);

    /// <exception cref="IOException">A place that was asked for cannot be had. Without the default one a server goes on.</exception>
    public static ControlListeners Open(ControlPlan plan, ILoggerFactory log)
    {
        ILogger logger = log.CreateLogger<ControlListeners>();
        ControlSocket? unix = plan.Place switch
        {
            ControlPlace.Path => ControlSocket.Open(plan.Path!),
            ControlPlace.RuntimeFolder => TryOpenIn(plan.Path ?? ServerFolder.Default, logger),
            _ => null,
        };
        FileDescriptor? tcp = null;
        if (plan.Tcp is not null && !StreamSocket.Listen(plan.Tcp, Backlog, onlyIpv6: true, out tcp).IsSuccess)
        {
            unix?.Dispose();
            throw new IOException($"--control-tcp {plan.Tcp}: the address is taken or not this machine's: choose another");
        }

        ControlListeners listeners = new(unix, tcp, plan.Token is null ? null : new BearerToken(plan.Token), logger);
        listeners.LogListening();
        return listeners;
    }

    public void Dispose()
    {
        _unix?.Dispose();
        _tcp?.Dispose();
    }

    private static ControlSocket? TryOpenIn(string folder, ILogger log)
    {
        try
        {
            return ControlSocket.OpenIn(folder);
        }
        catch (IOException e)
        {
            LogNoFolder(log, folder, e.Message);
            return null;
        }
    }

    private void LogListening()
    {
        if (TcpAddress is { } address)
        {
            LogTcp(address);
        }
    }

    [LoggerMessage(132, LogLevel.Warning, "no control API: {Folder} cannot be used: {Reason}; --control PATH chooses another place, --control none none")]
    private static partial void LogNoFolder(ILogger log, string folder, string reason);

    [LoggerMessage(133, LogLevel.Information, "control API on http://{Address}, for clients with the token")]
    private partial void LogTcp(System.Net.IPEndPoint address);
}
