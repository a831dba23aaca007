using VmChannel.Cli.Doctor;
using VmChannel.Cli.Serve;
using VmChannel.Cli.Tests.Control;
using VmChannel.Cli.Tests.Serve;
using VmChannel.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Doctor;

public sealed class DoctorTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Diagnose_NoVmm_SaysSoAndWhatToDo()
    {
        await using ControlRig rig = new();
        _ = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");

        VmDiagnosis diagnosis = await rig.Client.DiagnoseAsync("web", ControlRig.Cancellation);

        Assert.Equal("web", diagnosis.Inspection.Vm.Name);
        FindingInfo absent = Assert.Single(diagnosis.Findings, finding => finding.Code == "front-end-absent");
        Assert.Equal(FindingSeverity.Warning, absent.Severity);
        Assert.NotNull(absent.Fix);
    }

    [Fact]
    public async Task Diagnose_GuestThatUsesItsPort_FindsNothingWrong()
    {
        await using ControlRig rig = new();
        VmHost web = await rig.AddAsync("web", "port=1,protocol=test.echo,service=echo");
        using GuestDouble guest = new(web);
        guest.Driver.Open(1);
        guest.Driver.Write(1, "hello"u8);
        _ = guest.Driver.Receive(1, 5);

        VmDiagnosis diagnosis = await rig.Client.DiagnoseAsync("web", ControlRig.Cancellation);

        Assert.All(diagnosis.Findings, finding => Assert.Equal(FindingSeverity.Note, finding.Severity));
        Assert.True(diagnosis.Inspection.Device.IsMultiPort);
    }

    [Fact]
    public void Text_WithFindings_HasFactsThenEachFixThenTheVerdict()
    {
        VmInspection inspection = new(
            new("web", "/run/web.sock", VmState.NotConnected, 1, 0, 0, 31), new() { Room = 31, Counters = new() }, []);
        FindingInfo error = new(FindingSeverity.Error, "memory-not-shared", "the memory is not shared", Fix: "add share=on");
        FindingInfo note = new(FindingSeverity.Note, "intx", "one interrupt");

        string text = DoctorText.Of(new DoctorReport([], [new VmDiagnosis(inspection, [error, note])]), Now);

        Assert.Equal(
            """
            web: no VMM, /run/web.sock
              driver       none yet
              MULTIPORT    not yet
              features     not negotiated yet
              ports        1 plugged in, 0 open in the guest; room for numbers below 31

            error: the memory is not shared [memory-not-shared]
              fix: add share=on

            note: one interrupt [intx]

            1 error, 0 warnings

            """,
            text);
    }

    [Fact]
    public void Text_WithoutFindings_SaysThatNothingIsWrong()
        => Assert.Equal("nothing is wrong\n", DoctorText.Of(new DoctorReport([], []), Now));
}
