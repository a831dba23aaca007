using VmChannel.Control;

namespace VmChannel.Cli.Control;

/// <summary>All operations of the control API.</summary>
internal static class ControlRoutes
{
    /// <summary>In the order in which the document shows them.</summary>
    public static IReadOnlyList<ControlRoute> All { get; } =
    [
        ControlRoute.Json("GET", "/v1/server", "The server process.", ControlJson.Default.ServerInfo, call => Now(ServerView.Of(call.Server))),
    ];

    private static Task<T> Now<T>(T value) => Task.FromResult(value);
}
