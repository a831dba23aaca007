using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;
using VmChannel.Control.Agent;

namespace VmChannel.Cli.Agent;

/// <summary>A line of <c>vmchannel agent</c>.</summary>
/// <param name="Client">Which server, which VM, and the words after the action.</param>
/// <param name="Options">How to talk to the agent.</param>
internal sealed record AgentCall(ClientCall Client, GuestAgentOptions Options)
{
    public string[] Words => Client.Words;

    /// <summary>A command gets this program's standard input.</summary>
    public bool HasInput { get; init; }

    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>How long a command may take.</summary>
    public TimeSpan Limit { get; init; }

    /// <exception cref="ControlException">There is no such VM.</exception>
    public async Task<GuestAgent> OpenAsync(CancellationToken cancellationToken)
    {
        VmTarget target = await Client.FindVmAsync(cancellationToken);
        return new(target.Client, target.Vm, Options);
    }

    /// <exception cref="UsageException">There are other words.</exception>
    public void Expect(int least, int most, string usage)
    {
        if (Words.Length < least || Words.Length > most)
        {
            throw new UsageException($"agent: {usage}");
        }
    }
}
