using VmChannel.Cli.Serve;
using VmChannel.Control;
using VmChannel.Device.Diagnosis;

namespace VmChannel.Cli.Control;

/// <summary>What is wrong with a VM as the contract has it, from what is published of it: the loop is not asked.</summary>
internal static class DiagnosisView
{
    public static VmDiagnosis Of(VmHost vm)
        => new(VmView.Inspect(vm), [.. DeviceDiagnosis.Find(vm.State, [.. vm.Ports.Select(served => served.Port.State)]).Select(Of)]);

    private static FindingInfo Of(Finding finding) => new(Severity(finding.Severity), finding.Code, finding.What, finding.Port, finding.Fix);

    private static FindingSeverity Severity(Severity severity) => severity switch
    {
        Device.Diagnosis.Severity.Error => FindingSeverity.Error,
        Device.Diagnosis.Severity.Warning => FindingSeverity.Warning,
        _ => FindingSeverity.Note,
    };
}
