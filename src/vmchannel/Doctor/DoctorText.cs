using System.Text;
using VmChannel.Cli.Client;
using VmChannel.Control;

namespace VmChannel.Cli.Doctor;

/// <summary>What the doctor found, for people.</summary>
internal static class DoctorText
{
    private const int Label = 13;

    public static string Of(DoctorReport report, DateTimeOffset now)
    {
        StringBuilder text = new();
        foreach (VmDiagnosis vm in report.Vms)
        {
            AddFacts(text, vm.Inspection, now);
            AddFindings(text, vm.Findings);
            _ = text.Append('\n');
        }

        AddFindings(text, report.Machine);
        _ = text.Append(Verdict([.. report.Machine.Concat(report.Vms.SelectMany(vm => vm.Findings))])).Append('\n');
        return text.ToString();
    }

    private static void AddFacts(StringBuilder text, VmInspection inspection, DateTimeOffset now)
    {
        VmInfo vm = inspection.Vm;
        _ = text.Append($"{PortText.Safe(vm.Name)}: {ControlText.State(vm.State)}, {PortText.Safe(vm.Endpoint)}\n");
        if (inspection.FrontEnd is FrontEndInfo front)
        {
            Add(text, "VMM", $"{PortText.Safe(front.Name)} (pid {front.Pid}){(front.Kind is null ? "" : $", talks like {PortText.Safe(front.Kind)}")}, for {PortText.Since(front.ConnectedSince, now)}");
            Add(text, "protocol", Words(front.ProtocolFeatures));
            Add(text, "memory", front.MemoryRegions == 0 ? "none handed over" : $"{front.MemoryRegions} region{(front.MemoryRegions == 1 ? "" : "s")}");
            Add(text, "queues", Queues(front));
        }

        DeviceInfo device = inspection.Device;
        Add(text, "driver", device.HasDriverFailed ? "failed" : device.IsDriverReady ? "ready" : device.Features is null ? "none yet" : "not ready");
        Add(text, "MULTIPORT", device.IsMultiPort ? "yes" : device.Features is null ? "not yet" : "no");
        Add(text, "features", Words(device.Features));
        Add(text, "ports", $"{vm.Ports} plugged in, {vm.OpenPorts} open in the guest; room for numbers below {device.Room}");
    }

    private static void AddFindings(StringBuilder text, IReadOnlyList<FindingInfo> findings)
    {
        foreach (FindingInfo finding in findings)
        {
            _ = text.Append($"\n{finding.Severity.ToString().ToLowerInvariant()}: {PortText.Safe(finding.What)} [{PortText.Safe(finding.Code)}]\n");
            if (finding.Fix is not null)
            {
                _ = text.Append($"  fix: {PortText.Safe(finding.Fix)}\n");
            }
        }
    }

    private static string Queues(FrontEndInfo front)
        => front.Queues.Count == 0
            ? $"none set up, {front.QueuesOffered} offered"
            : $"{front.Queues.Count} of {front.QueuesOffered}, {front.Queues.Count(queue => queue.IsRunning)} running, {string.Join(" and ", front.Queues.Select(queue => queue.Size).Distinct().Order())} entries";

    private static string Words(IReadOnlyList<string>? words)
        => words is null ? "not negotiated yet" : words.Count == 0 ? "none" : string.Join(' ', words.Select(PortText.Safe));

    private static string Verdict(FindingInfo[] findings)
    {
        int errors = findings.Count(finding => finding.Severity == FindingSeverity.Error);
        int warnings = findings.Count(finding => finding.Severity == FindingSeverity.Warning);
        return errors + warnings == 0 ? "nothing is wrong" : $"{Count(errors, "error")}, {Count(warnings, "warning")}";
    }

    private static string Count(int number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";

    private static void Add(StringBuilder text, string label, string value) => _ = text.Append("  ").Append(label.PadRight(Label)).Append(value).Append('\n');
}
