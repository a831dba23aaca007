using System.Globalization;
using VmChannel.Cli.Client;
using VmChannel.Control;

namespace VmChannel.Cli.Top;

/// <summary>Rates as a table for people.</summary>
internal static class RateTable
{
    /// <summary>The line above the table.</summary>
    public static string Title(RatesReport report)
        => string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Time.ToLocalTime():HH:mm:ss}  {report.Ports.DistinctBy(port => port.Vm).Count()} VMs, {report.Ports.Count} ports, {report.Ports.Count(port => port.Port.Stall is not null)} stalled; from guests {Rate(report.Ports.Sum(port => port.FromGuestBytesPerSecond))}, to them {Rate(report.Ports.Sum(port => port.ToGuestBytesPerSecond))}");

    public static string Of(RatesReport report, TopOrder order, int? width)
    {
        TextTable table = new(width, "VM", ">PORT", "NAME", ">FROM GUEST", ">TO GUEST", ">MSG/s", ">CLIENTS", "STATE");
        foreach (PortRates rates in Sort(report.Ports, order))
        {
            PortInfo port = rates.Port;
            table.Add(
                PortText.Safe(rates.Vm), PortText.Number(port), port.Protocol is null ? "(console)" : PortText.Safe(port.Protocol),
                Rate(rates.FromGuestBytesPerSecond), Rate(rates.ToGuestBytesPerSecond),
                rates.MessagesPerSecond.ToString("0", CultureInfo.InvariantCulture), port.Clients.Count.ToString(CultureInfo.InvariantCulture),
                State(port, report.Time));
        }

        return table.ToString();
    }

    public static IEnumerable<PortRates> Sort(IReadOnlyList<PortRates> ports, TopOrder order)
    {
        IOrderedEnumerable<PortRates> sorted = order switch
        {
            TopOrder.Rate => ports.OrderByDescending(port => port.FromGuestBytesPerSecond + port.ToGuestBytesPerSecond),
            TopOrder.Total => ports.OrderByDescending(port => port.Port.Counters.FromGuestBytes + port.Port.Counters.ToGuestBytes),
            _ => ports.Order(Comparer<PortRates>.Create(static (_, _) => 0)),
        };
        return sorted.ThenBy(port => port.Vm, StringComparer.Ordinal).ThenBy(port => port.Port.Number);
    }

    private static string State(PortInfo port, DateTimeOffset now)
        => port is { StalledSince: null, ThrottledSince: null, IsSuspended: false } && port.IsGuestOpen != port.IsHostOpen
            ? port.IsHostOpen ? "guest closed" : "host closed"
            : PortText.State(port, now);

    private static string Rate(double bytesPerSecond) => $"{PortText.Bytes((long)Math.Round(bytesPerSecond))}/s";
}
