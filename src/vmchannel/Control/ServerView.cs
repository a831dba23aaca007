using System.Reflection;
using VmChannel.Cli.Serve;
using VmChannel.Control;

namespace VmChannel.Cli.Control;

/// <summary>A server as the contract has it.</summary>
internal static class ServerView
{
    /// <summary>Of the program.</summary>
    public static string Version { get; } =
        typeof(ServerView).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";

    public static ServerInfo Of(Server server) => new(
        Version, Environment.ProcessId, server.Started, [.. server.Vms.Select(vm => vm.Name)], server.Journal.Last, server.Reload is not null);
}
