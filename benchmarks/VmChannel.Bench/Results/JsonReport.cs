using System.Text.Json;

namespace VmChannel.Bench.Results;

/// <summary>Everything that was measured, run by run, for programs.</summary>
internal static class JsonReport
{
    public static void Write(Stream target, MachineFacts machine, IReadOnlyList<Section> sections)
    {
        using Utf8JsonWriter json = new(target, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("commit", machine.Commit);
        json.WriteString("processor", machine.Processor);
        json.WriteNumber("cpus", machine.Cpus);
        json.WriteString("kernel", machine.Kernel);
        json.WriteNumber("loadBefore", machine.LoadBefore);
        json.WriteStartArray("sections");
        foreach (Section section in sections)
        {
            Write(json, section);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Section section)
    {
        json.WriteStartObject();
        json.WriteString("scenario", section.Scenario);
        json.WriteString("title", section.Title);
        json.WriteString("other", section.OtherName);
        json.WriteString("ours", section.OursName);
        json.WriteStartArray("measures");
        foreach (Measure measure in section.Measures)
        {
            json.WriteStartObject();
            json.WriteString("name", measure.Name);
            json.WriteString("unit", measure.Unit);
            Write(json, "other", measure.Other);
            Write(json, "ours", measure.Ours);
            Write(json, "ratio", measure.Ratio);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, Series? series)
    {
        if (series is null)
        {
            return;
        }

        json.WriteStartObject(name);
        json.WriteNumber("median", series.Median);
        json.WriteNumber("min", series.Min);
        json.WriteNumber("max", series.Max);
        json.WriteStartArray("values");
        foreach (double value in series.Values)
        {
            json.WriteNumberValue(value);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
