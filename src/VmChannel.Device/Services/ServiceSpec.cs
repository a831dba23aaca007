namespace VmChannel.Device.Services;

/// <summary>One of the services that can serve a port, as the option parser sees it.</summary>
/// <param name="Name">The value of <c>service=</c>.</param>
/// <param name="Protocols">The protocols it serves without being asked to; none when only <c>service=</c> chooses it.</param>
/// <param name="KnownKeys">Its own options.</param>
/// <param name="Summary">One line for help.</param>
public sealed record ServiceSpec(string Name, IReadOnlyList<string> Protocols, IReadOnlyList<string> KnownKeys, string Summary);
