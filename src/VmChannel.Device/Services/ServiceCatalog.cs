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
        new("clipboard", "org.qemu.clipboard", ["text-in", "text-out"], "text of the guest's clipboard, both ways, with SPICE's agent in the guest"),
        new("log", null, ["path"], "the guest's lines, each with its time, into a file"),
        new("echo", null, [], "gives back what the guest writes"),
        new("sink", null, [], "takes all and keeps nothing"),
        new("source", null, [], "endless 64-bit little-endian numbers from 0 on"),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(service => service.Name)];

    /// <summary>The protocols that need neither <c>char=</c> nor <c>service=</c>.</summary>
    public static IReadOnlyList<string> Protocols { get; } = [.. All.Select(service => service.Protocol).OfType<string>()];

    /// <summary>The service built in for a protocol; null when there is none.</summary>
    public static string? ForProtocol(string protocol) => All.FirstOrDefault(service => service.Protocol == protocol)?.Name;

    /// <summary>The options a service has; none for a name that is no service.</summary>
    public static IReadOnlyList<string> KnownKeys(string name) => Find(name)?.KnownKeys ?? [];

    /// <summary>What a service still needs to be made: one line for people, or null.</summary>
    public static string? FindGap(string name, IReadOnlyDictionary<string, string> options)
        => name == "log" && string.IsNullOrEmpty(options.GetValueOrDefault("path")) ? "service=log: option path= is missing" : null;

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
        TextClipboard clipboard = new();
        ILogger<ClipboardService> logger = log.CreateLogger<ClipboardService>();
        TextInlet? inlet = options.TryGetValue("text-in", out string? from) ? new(from, clipboard, loop, logger) : null;
        TextOutlet? outlet = options.TryGetValue("text-out", out string? to) ? new(to, clipboard, logger) : null;
        return new(clipboard, inlet, outlet, logger);
    }
}
