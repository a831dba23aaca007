using System.Text.Json;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Reports;

/// <summary>Why a channel is stuck can be seen from outside.</summary>
public abstract class StallReportTests(Machine machine) : GuestTests(machine)
{
    private const string Unread = "test.stall.unread";
    private const string Full = "test.stall.full";
    private const string Alone = "test.stall.alone";

    [Fact]
    public async Task Ports_ThatAreStuck_SayWhyUntilTheyMove()
    {
        // All at once: each takes the seconds that make a stall.
        foreach (string name in (string[])[Unread, Full, Alone])
        {
            await PlugAsync(name, $"char=unix:{Machine.File(name)},server");
        }

        using ChannelClient unread = Machine.ConnectFile(Unread);
        using ChannelClient full = Machine.ConnectFile(Full);
        Pattern pattern = new("stalls", 1);
        Task<string> reader = Guest.RunAsync(
            $"exec 5<>{Machine.PathOf(Unread)}; until [ -e /tmp/stalls.read ]; do sleep 0.1; done; {{ {GuestScripts.Take(5, pattern.Length)}; }} | cksum", Patience.Long);
        Task sender = SendAsync();
        Task<string> writer = Guest.RunAsync($"{pattern.GuestWriter} > {Machine.PathOf(Full)}", Patience.Long);
        Task<string> lonely = Guest.RunAsync($"{new Pattern("lonely", 1).GuestWriter} > {Machine.PathOf(Alone)}", Patience.Long);
        using (ChannelClient left = Machine.ConnectFile(Alone))
        {
            await UntilWaitsAsync(Alone);
        }

        await UntilStallsAsync(Unread, "guest-not-reading");
        await UntilStallsAsync(Full, "host-end-full");
        await UntilStallsAsync(Alone, "no-host-end");
        (_, string tree, _) = await Machine.Serve.CommandAsync("inspect");
        Assert.Contains("stalled", tree, StringComparison.Ordinal);
        await ExpectDoctorToNameThemAsync();

        // Each moves again as soon as what was missing is there.
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        using ChannelClient next = Machine.ConnectFile(Alone);
        Task draining = DrainAsync();
        Assert.Equal(pattern.Length, await pattern.CheckAsync(full.Stream));
        await Task.WhenAll(writer, lonely);
        await Guest.RunAsync("echo >/tmp/stalls.read");
        Assert.Equal(await pattern.ChecksumAsync(), await reader);
        await sender;
        foreach (string name in (string[])[Unread, Full, Alone])
        {
            await trail.WaitForAsync("recovered", name);
        }

        foreach (string name in (string[])[Unread, Full, Alone])
        {
            await UnplugAsync(name);
        }

        await draining;

        async Task SendAsync() => await pattern.WriteAsync(unread.Stream);

        async Task DrainAsync()
        {
            byte[] buffer = new byte[1 << 16];
            while (await next.Stream.ReadAsync(buffer) > 0)
            {
                // Only the room counts.
            }
        }
    }

    /// <summary>The doctor finds each of them, with something to do about it.</summary>
    private async Task ExpectDoctorToNameThemAsync()
    {
        (int code, string output, _) = await Machine.Serve.CommandAsync("doctor", "device", "--json");
        Assert.Equal(1, code);
        using JsonDocument report = JsonDocument.Parse(output);
        JsonElement vm = Assert.Single(report.RootElement.GetProperty("vms").EnumerateArray());
        JsonElement[] stalls = [.. vm.GetProperty("findings").EnumerateArray().Where(finding => finding.GetProperty("code").GetString() == "port-stalled")];
        Assert.Equal(3, stalls.Length);
        Assert.All(stalls, finding => Assert.False(string.IsNullOrEmpty(finding.GetProperty("fix").GetString())));
        foreach (string name in (string[])[Unread, Full, Alone])
        {
            Assert.Contains(stalls, finding => finding.GetProperty("what").GetString()!.Contains(name, StringComparison.Ordinal));
        }
    }

    /// <summary>Waits until the guest's bytes lie on the ring, which the client that does not read cannot take.</summary>
    private Task UntilWaitsAsync(string protocol) => Patience.UntilAsync(
        () => PortAsync(protocol).Result.TryGetProperty("throttledSince", out _), () => $"{protocol} was never throttled: {PortAsync(protocol).Result}");

    private Task UntilStallsAsync(string protocol, string reason) => Patience.UntilAsync(
        () => PortAsync(protocol).Result.TryGetProperty("stall", out JsonElement stall) && stall.GetString() == reason,
        () => $"{protocol} was never {reason}: {PortAsync(protocol).Result}");

    private async Task<JsonElement> PortAsync(string protocol)
    {
        (int code, string output, string errors) = await Machine.Serve.CommandAsync("ports", "--json");
        Assert.True(code == 0, errors);
        using JsonDocument ports = JsonDocument.Parse(output);
        return ports.RootElement.EnumerateArray().Single(port => port.GetProperty("protocol").GetString() == protocol).Clone();
    }
}

[Collection<UmlTests>]
public sealed class StallReportOnUmlTests(UmlMachine machine) : StallReportTests(machine);
