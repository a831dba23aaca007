using System.Diagnostics.Metrics;

namespace VmChannel.Cli.Metrics;

/// <summary>An instrument as Prometheus has it: OpenTelemetry's rules turn its name and unit into one name.</summary>
/// <param name="Name">Such as <c>vmchannel_port_io_bytes_total</c>.</param>
/// <param name="Type"><c>counter</c> or <c>gauge</c>.</param>
/// <param name="Help">One sentence.</param>
internal sealed record PrometheusFamily(string Name, string Type, string Help)
{
    public static PrometheusFamily Of(Instrument instrument)
    {
        bool isCounter = instrument.GetType().GetGenericTypeDefinition() == typeof(ObservableCounter<>);
        string unit = instrument.Unit switch
        {
            "By" => "_bytes",
            "s" => "_seconds",
            ['{', ..] => "", // an annotation: what is counted, not a unit
            string other => throw new ArgumentException($"{instrument.Name}: Prometheus's word for the unit {other} is not known here", nameof(instrument)),
            null => "",
        };
        return new(
            instrument.Name.Replace('.', '_') + unit + (isCounter ? "_total" : ""),
            isCounter ? "counter" : "gauge",
            instrument.Description ?? "");
    }
}
