using System.Diagnostics;
using System.Globalization;
using VmChannel.Native;

namespace VmChannel.Cli.Serve;

/// <summary>Tells systemd how far this process is, when systemd wants to know (sd_notify(3)).</summary>
internal static class ServiceManager
{
    public static void Ready() => Send("READY=1");

    /// <summary>Started, or done with a reload.</summary>
    /// <param name="status">One line for people: what <c>systemctl status</c> shows.</param>
    public static void Ready(string status) => Send($"READY=1\nSTATUS={status.ReplaceLineEndings(" ")}");

    /// <summary>A reload begins; it ends with <see cref="Ready(string)"/>. The time tells it from an earlier one (Type=notify-reload).</summary>
    public static void Reloading()
        => Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000)}"));

    public static void Stopping() => Send("STOPPING=1");

    private static void Send(string state) => NotifySocket.Send(state);
}
