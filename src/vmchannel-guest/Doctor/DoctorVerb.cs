using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VmChannel.GuestTool.Doctor;

/// <summary>What <c>doctor --json</c> prints.</summary>
internal sealed record GuestReport(IReadOnlyList<Finding> Findings);

/// <summary><c>doctor</c>: what is wrong with the channels of this guest, and what to do about it.</summary>
internal static class DoctorVerb
{
    private const int FoundSomething = 1;

    public static Command Create()
    {
        Option<bool> json = new("--json") { Description = "One JSON object" };
        Command command = new("doctor", "Find out what is wrong, and what to do about it. Exit code 1 when there are errors or warnings.") { json };
        command.SetAction(parsed => Run(parsed.GetValue(json)));
        return command;
    }

    private static int Run(bool asJson)
    {
        try
        {
            IReadOnlyList<Finding> findings = GuestDiagnosis.Find(GuestInspection.Read());
            _ = StandardStream.Write($"{(asJson ? JsonSerializer.Serialize(new(findings), DoctorJson.Default.GuestReport) : Text(findings))}\n");
            return findings.Any(finding => finding.Severity > Severity.Note) ? FoundSomething : Failure.None;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return Failure.Report($"cannot look at this machine: {fault.Message}");
        }
    }

    /// <summary>As the host's doctor says it.</summary>
    internal static string Text(IReadOnlyList<Finding> findings)
    {
        IEnumerable<string> told = findings.Select(finding =>
            $"{finding.Severity.ToString().ToLowerInvariant()}: {finding.What} [{finding.Code}]\n{(finding.Fix is null ? "" : $"  fix: {finding.Fix}\n")}\n");
        int errors = findings.Count(finding => finding.Severity == Severity.Error);
        int warnings = findings.Count(finding => finding.Severity == Severity.Warning);
        return string.Concat(told) + (errors + warnings == 0 ? "nothing is wrong" : $"{Count(errors, "error")}, {Count(warnings, "warning")}");
    }

    private static string Count(int number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(KebabCaseEnum<Severity>)])]
[JsonSerializable(typeof(GuestReport))]
internal sealed partial class DoctorJson : JsonSerializerContext;
