using System.Globalization;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;

namespace VmChannel.Cli.Client;

/// <summary>A port in words for people.</summary>
internal static class PortText
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>What came from a server, safe for a terminal.</summary>
    public static string Safe(string? text) => StandardStream.Printable(text ?? "-");

    public static string Number(PortInfo port) => port.Number.ToString(CultureInfo.InvariantCulture);

    /// <summary><c>port 4 (org.qemu.clipboard)</c>.</summary>
    public static string Name(int number, string? protocol)
        => string.Create(CultureInfo.InvariantCulture, $"port {number}{(protocol is null ? "" : $" ({Safe(protocol)})")}");

    public static string Guest(PortInfo port) => port.IsGuestOpen ? "open" : port.IsReady ? "closed" : "not ready";

    public static string Host(PortInfo port) => port.IsHostOpen ? "open" : "closed";

    /// <summary>What is the matter with it, if anything is.</summary>
    public static string State(PortInfo port, DateTimeOffset now)
        => port.StalledSince is DateTimeOffset stalled ? $"stalled {Since(stalled, now)}: {Stall(port.Stall)}"
            : port.ThrottledSince is DateTimeOffset throttled ? $"throttled {Since(throttled, now)}"
            : port.IsSuspended ? "suspended"
            : port is { IsGuestOpen: true, IsHostOpen: true } ? "ok"
            : "idle";

    public static string Stall(StallCause? cause) => cause switch
    {
        StallCause.NoHostEnd => "no host end is there",
        StallCause.HostEndFull => "the host end does not read",
        StallCause.GuestPostedNoBuffers => "the guest's driver posted no buffers",
        StallCause.GuestNotReading => "the guest does not read",
        _ => "nothing waits",
    };

    /// <summary><c>0 B</c>, <c>999 B</c>, <c>1.2 KiB</c>, <c>34 MiB</c>.</summary>
    public static string Bytes(long bytes)
    {
        double amount = bytes;
        int unit = 0;
        while (amount >= 1024 && unit < Units.Length - 1)
        {
            amount /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{(unit == 0 || amount >= 10 ? amount.ToString("0", CultureInfo.InvariantCulture) : amount.ToString("0.0", CultureInfo.InvariantCulture))} {Units[unit]}");
    }

    /// <summary><c>12 s</c>, <c>3 min</c>, <c>2 h</c>, <c>5 d</c>.</summary>
    public static string Since(DateTimeOffset then, DateTimeOffset now)
    {
        double seconds = Math.Max(0, (now - then).TotalSeconds);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(seconds < 120 ? $"{seconds:0} s" : seconds < 7200 ? $"{seconds / 60:0} min" : seconds < 172_800 ? $"{seconds / 3600:0} h" : $"{seconds / 86_400:0} d")}");
    }
}
