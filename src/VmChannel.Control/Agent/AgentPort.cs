using System.Globalization;

namespace VmChannel.Control.Agent;

/// <summary>Where an agent is: how its port is opened, and why it does not answer there.</summary>
internal abstract class AgentPort : IDisposable
{
    public abstract ValueTask<Stream> OpenAsync(CancellationToken cancellationToken);

    /// <summary>What to tell people about an agent that was silent.</summary>
    public abstract Task<string> WhySilentAsync(TimeSpan patience, CancellationToken cancellationToken);

    /// <summary>What to tell people about an agent that ended while a command was under way.</summary>
    public abstract Task<string> WhyEndedAsync(string command, CancellationToken cancellationToken);

    public virtual void Dispose()
    {
    }

    private static string Silence(TimeSpan patience)
        => string.Create(CultureInfo.InvariantCulture, $"no answer from the guest agent in {patience.TotalSeconds:0.###} s");

    /// <summary>A port of a VM that a server serves.</summary>
    /// <param name="client">Talks to the server.</param>
    /// <param name="owner">What ends with this; null when the client is somebody else's.</param>
    /// <param name="vm">The VM.</param>
    /// <param name="options">The port, and whether others may have it.</param>
    public sealed class Served(ControlClient client, IDisposable? owner, string vm, GuestAgentOptions options) : AgentPort
    {
        public override async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken)
            => options.IsBeside
                ? new AttachedStream(
                    await client.AttachAsync(vm, options.Port, AttachUntil.GuestClose, AttachAccess.Writer, cancellationToken), owner: null)
                : await VmPort.OpenAsync(client, vm, options.Port, cancellationToken);

        public override async Task<string> WhySilentAsync(TimeSpan patience, CancellationToken cancellationToken)
        {
            PortInfo? port = await TryFindAsync(cancellationToken);
            string reason = port is null ? "and the server that has the VM cannot be asked why"
                : port.IsGuestOpen ? "a program in the guest has the port open and does not answer: is it qemu-guest-agent, and is the guest running?"
                : port.IsReady ? "is qemu-guest-agent running in the guest? No program there has the port open"
                : "the guest has no driver for the port (yet): is it running?";
            return $"{Name(port)}: {Silence(patience)}: {reason}";
        }

        public override async Task<string> WhyEndedAsync(string command, CancellationToken cancellationToken)
            => $"{Name(await TryFindAsync(cancellationToken))}: the guest agent closed the port before it had answered {command}: it ended, or the guest did";

        public override void Dispose()
        {
            base.Dispose();
            owner?.Dispose();
        }

        /// <summary>Null when the server, or the port, has gone: that is not to hide what was to be explained.</summary>
        private async Task<PortInfo?> TryFindAsync(CancellationToken cancellationToken)
        {
            try
            {
                return await client.GetPortAsync(vm, options.Port, cancellationToken);
            }
            catch (ControlException)
            {
                return null;
            }
        }

        private string Name(PortInfo? port)
            => port is null ? vm : string.Create(CultureInfo.InvariantCulture, $"{vm} port {port.Number}{(port.Protocol is null ? "" : $" ({port.Protocol})")}");
    }

    /// <summary>Any stream to an agent.</summary>
    public sealed class Streamed(Func<CancellationToken, ValueTask<Stream>> open) : AgentPort
    {
        public override ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) => open(cancellationToken);

        public override Task<string> WhySilentAsync(TimeSpan patience, CancellationToken cancellationToken)
            => Task.FromResult($"{Silence(patience)}: is qemu-guest-agent running in the guest?");

        public override Task<string> WhyEndedAsync(string command, CancellationToken cancellationToken)
            => Task.FromResult($"the guest agent's connection ended before it had answered {command}");
    }
}
