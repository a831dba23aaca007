using System.Text.RegularExpressions;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Chardevs;

/// <summary>The services for measuring and logging, from a guest.</summary>
[Collection<ChardevCollection>]
public sealed partial class ServiceTests(ChardevMachine machine)
{
    [Fact]
    public async Task Echo_GivesBackWhatIsWritten() =>
        Assert.Equal("anybody there", await machine.Guest.RunAsync(GuestScripts.Exchange(ChardevMachine.PathOf("echo"), "anybody there")));

    [Fact]
    public async Task Sink_TakesEverything() => await machine.Guest.RunAsync($"cat /pattern /pattern /pattern /pattern > {ChardevMachine.PathOf("sink")}");

    [Fact]
    public async Task Source_CountsFromZero()
    {
        string bytes = await machine.Guest.RunAsync($"head -c 24 {ChardevMachine.PathOf("source")} | base64 -w0");

        Assert.Equal([0, 1, 2], Convert.FromBase64String(bytes).Chunk(8).Select(number => BitConverter.ToInt64(number)));
    }

    [Fact]
    public async Task Log_WritesLinesWithTheirTimes()
    {
        await machine.Guest.RunAsync($"printf 'first line\\nsecond line\\n' > {ChardevMachine.PathOf("log")}");
        string text = "";
        await Patience.UntilAsync(
            () => (text = File.Exists(machine.File("lines.log")) ? File.ReadAllText(machine.File("lines.log")) : "").EndsWith("second line\n", StringComparison.Ordinal),
            () => text);
        string[] lines = text.Split('\n');

        Assert.Matches(Stamped(), lines[0]);
        Assert.EndsWith("first line", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("second line", lines[1], StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")]
    private static partial Regex Stamped();
}
