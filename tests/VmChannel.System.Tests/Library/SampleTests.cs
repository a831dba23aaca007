using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Library;

/// <summary>The agent that docs/guest.md shows, in a guest.</summary>
[Collection<AgentTests>]
public sealed class SampleTests(AgentMachine machine)
{
    private const string Name = "com.example.agent";

    [Fact]
    public async Task Agent_HostsAndPlugsThatComeAndGo_AnswersEachTime()
    {
        await machine.Guest.RunAsync($"{AgentMachine.Command(AgentBuilds.Jit("samples/agent", "agent"))} >/tmp/agent.log 2>&1 & echo $! >/tmp/agent");
        string hostName = await machine.Guest.RunAsync("read -r name </proc/sys/kernel/hostname; echo $name");
        for (int plug = 1; plug <= 2; plug++)
        {
            await machine.ChangeAsync("plug", $"protocol={Name},char=unix:{machine.SocketOf(Name)},server");
            for (int host = 1; host <= 2; host++)
            {
                using ChannelClient client = machine.Connect(Name);
                await client.SendAsync($"hostname\nsomething {host}\n");
                await client.ExpectAsync($"{hostName}\nsomething {host}\n");
            }

            await machine.ChangeAsync("unplug", Name);
        }

        await machine.Guest.RunAsync("kill $(</tmp/agent)");
    }
}
