using System.Diagnostics.Metrics;
using System.IO.Pipelines;

namespace VmChannel.Cli.Metrics;

/// <summary>Reads all instruments of a meter once, and writes what they say for Prometheus.</summary>
internal static class PrometheusScrape
{
    /// <summary>Instruments are read one by one and sent on the way: no more is held in memory than one of them and this.</summary>
    private const int FlushBytes = 32 * 1024;

    /// <param name="meter">Has observable instruments of <see langword="long"/> and <see langword="double"/>.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancellationToken">Nobody waits for the rest.</param>
    public static async Task WriteAsync(Meter meter, PipeWriter output, CancellationToken cancellationToken)
    {
        List<Instrument> instruments = [];
        PrometheusText text = new(output);
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (ReferenceEquals(instrument.Meter, meter))
            {
                instruments.Add(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, labels, family) => text.WriteSample((PrometheusFamily)family!, value, labels));
        listener.SetMeasurementEventCallback<double>((_, value, labels, family) => text.WriteSample((PrometheusFamily)family!, value, labels));
        listener.Start();
        foreach (Instrument instrument in instruments)
        {
            PrometheusFamily family = PrometheusFamily.Of(instrument);
            text.WriteHead(family);
            listener.EnableMeasurementEvents(instrument, family);
            listener.RecordObservableInstruments();
            _ = listener.DisableMeasurementEvents(instrument);
            if (output.UnflushedBytes >= FlushBytes)
            {
                _ = await output.FlushAsync(cancellationToken);
            }
        }

        _ = await output.FlushAsync(cancellationToken);
    }
}
