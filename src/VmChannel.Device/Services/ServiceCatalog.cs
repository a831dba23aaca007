using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Device.Services.Logging;

namespace VmChannel.Device.Services;

/// <summary>All services there are, and how each is made from its options.</summary>
public static class ServiceCatalog
{
    /// <summary>Every service, in the order help shows them.</summary>
    public static IReadOnlyList<ServiceSpec> All { get; } =
    [
        new(
            "clipboard", ["org.qemu.clipboard", "com.redhat.spice.0"], [.. ClipboardPolicy.Keys, "text-in", "text-out"],
            "the guest's clipboard, text and images, both ways, with SPICE's agent in the guest"),
        new("log", [], ["path"], "the guest's lines, each with its time, into a file"),
        new("echo", [], [], "gives back what the guest writes"),
        new("sink", [], [], "takes all and keeps nothing"),
        new("source", [], [], "endless 64-bit little-endian numbers from 0 on"),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(service => service.Name)];

    /// <summary>The protocols that need neither <c>char=</c> nor <c>service=</c>.</summary>
    public static IReadOnlyList<string> Protocols { get; } = [.. All.SelectMany(service => service.Protocols)];

    /// <summary>The service built in for a protocol; null when there is none.</summary>
    public static string? ForProtocol(string protocol) => All.FirstOrDefault(service => service.Protocols.Contains(protocol))?.Name;

    /// <summary>The options a service has; none for a name that is no service.</summary>
    public static IReadOnlyList<string> KnownKeys(string name) => Find(name)?.KnownKeys ?? [];

    /// <summary>What a service still needs to be made, or which of its options makes no sense: one line for people, or null.</summary>
    public static string? FindGap(string name, IReadOnlyDictionary<string, string> options) => name switch
    {
        "log" when string.IsNullOrEmpty(options.GetValueOrDefault("path")) => "service=log: option path= is missing",
        "clipboard" when !ClipboardPolicy.TryRead(options, out _, out string? error) => $"service=clipboard: {error}",
        _ => null,
    };

    /// <summary>Makes the host end of a port. Nothing is opened before its <see cref="HostEnd.Start"/>.</summary>
    /// <exception cref="HostEndException">No such service, an unknown or a missing option.</exception>
    public static HostEnd Create(string name, IReadOnlyDictionary<string, string> options, DeviceLoop loop, ILoggerFactory log)
    {
        ServiceSpec spec = Find(name) ?? throw new HostEndException($"service={name}: no such service; there are {string.Join(", ", Names)}");
        foreach (string key in options.Keys.Where(key => !spec.KnownKeys.Contains(key)))
        {
            string known = spec.KnownKeys.Count == 0 ? "none" : string.Join(", ", spec.KnownKeys);
            throw new HostEndException($"service={name}: unknown option {key}; it has {known}");
        }

        if (FindGap(name, options) is string gap)
        {
            throw new HostEndException(gap);
        }

        return name switch
        {
            "sink" => new SinkEnd(),
            "source" => new SourceEnd(),
            "echo" => new EchoEnd(),
            "log" => Serve(new LogService(options["path"], log.CreateLogger<LogService>(), TimeProvider.System), loop, log),
            _ => Serve(MakeClipboard(options, loop, log), loop, log),
        };
    }

    private static ServiceSpec? Find(string name) => All.FirstOrDefault(service => service.Name == name);

    private static ServiceEnd Serve(IService service, DeviceLoop loop, ILoggerFactory log)
        => new(service, loop, log.CreateLogger<ServiceEnd>());

    private static ClipboardService MakeClipboard(IReadOnlyDictionary<string, string> options, DeviceLoop loop, ILoggerFactory log)
    {
        _ = ClipboardPolicy.TryRead(options, out ClipboardPolicy? policy, out _);
        SharedClipboard clipboard = new(policy!);
        ILogger<ClipboardService> logger = log.CreateLogger<ClipboardService>();
        TextInlet? inlet = options.TryGetValue("text-in", out string? from) ? new(from, clipboard, loop, logger) : null;
        TextOutlet? outlet = options.TryGetValue("text-out", out string? to) ? new(to, clipboard, logger) : null;
        return new(clipboard, inlet, outlet, logger);
    }
}
