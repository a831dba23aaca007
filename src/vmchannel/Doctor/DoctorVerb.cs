using System.CommandLine;
using VmChannel.Cli.Client;
using VmChannel.Control;

namespace VmChannel.Cli.Doctor;

/// <summary><c>vmchannel doctor</c>: what is wrong, of one VM or of all, and what to do about it.</summary>
internal static class DoctorVerb
{
    private const int FoundSomething = 1;

    private const string Manual = """
        vmchannel doctor - find out what is wrong, and what to do about it

        Usage:
          vmchannel doctor [VM]

        Shows for each VM what was negotiated with its VMM and its guest's driver, then what is wrong and the exact fix:
        memory that is not shared, MULTIPORT that is masked, too few queues, a driver that is not there, ports that wait
        for somebody. Without a VM, of all VMs; also what no server can know: that none runs, sockets that were left
        behind, servers that are elsewhere. docs/events.md lists the findings.

        Examples:
          vmchannel doctor
          vmchannel doctor web --json | jq -r '.vms[].findings[] | select(.severity == "error") | .fix'

        Exit codes: 0 nothing is wrong (there may be notes), 1 there are errors or warnings.

        Options:

        """;

    public static Command Create()
        => new ClientVerb("doctor", "Find out what is wrong, and what to do about it.", Manual).Runs(RunAsync).Command;

    private static async Task<int> RunAsync(ClientCall call, CancellationToken cancellationToken)
    {
        DoctorReport report = await ExamineAsync(call, cancellationToken);
        call.Answer(report, ControlJson.Default.DoctorReport, all => DoctorText.Of(all, DateTimeOffset.UtcNow));
        return report.Machine.Concat(report.Vms.SelectMany(vm => vm.Findings)).Any(finding => finding.Severity > FindingSeverity.Note) ? FoundSomething : 0;
    }

    private static async Task<DoctorReport> ExamineAsync(ClientCall call, CancellationToken cancellationToken)
    {
        if (call.Vm is not null)
        {
            VmTarget target = await call.FindVmAsync(cancellationToken);
            return new([], [await target.Client.DiagnoseAsync(target.Vm, cancellationToken)]);
        }

        List<VmDiagnosis> vms = [];
        IReadOnlyList<(ControlClient Client, IReadOnlyList<VmInfo> Vms)> servers = await call.Servers.ListAsync(cancellationToken);
        foreach ((ControlClient client, IReadOnlyList<VmInfo> served) in servers)
        {
            foreach (VmInfo vm in served)
            {
                vms.Add(await client.DiagnoseAsync(vm.Name, cancellationToken));
            }
        }

        return new(new MachineCheck(ServerFolder.Default, ServerFolder.Others).Find(call.Servers.IsAnywhere, vms.Count > 0), vms);
    }
}
