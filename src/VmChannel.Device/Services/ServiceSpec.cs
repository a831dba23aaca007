namespace VmChannel.Device.Services;

/// <summary>One of the services that can serve a port, as the option parser sees it.</summary>
/// <param name="Name">The value of <c>service=</c>.</param>
/// <param name="Protocol">The protocol it serves without being asked to; null when only <c>service=</c> chooses it.</param>
/// <param name="KnownKeys">Its own options.</param>
/// <param name="Summary">One line for help.</param>
public sealed record ServiceSpec(string Name, string? Protocol, IReadOnlyList<string> KnownKeys, string Summary);
