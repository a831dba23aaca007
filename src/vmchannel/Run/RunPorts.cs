using VmChannel.Cli.Serve;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Options;

namespace VmChannel.Cli.Run;

/// <summary>Adds the ports that carry the run itself to the device the user asked for.</summary>
internal static class RunPorts
{
    public const string Control = Prefix + "control";
    public const string Input = Prefix + "stdin";
    public const string Output = Prefix + "stdout";
    public const string Error = Prefix + "stderr";

    private const string Prefix = "org.vmchannel.run.";

    /// <summary>The name is one of the run's own.</summary>
    public static bool IsOwn(string protocol) => protocol.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>The device with a control port and either a console on this terminal or three plain streams.</summary>
    /// <param name="asked">The user's device.</param>
    /// <param name="control">Descriptor of the conversation with the guest.</param>
    /// <param name="streams">Null: the command has the terminal.</param>
    /// <exception cref="RunException">The user's ports leave no room.</exception>
    public static DevicePlan Plan(DevicePlan asked, int control, CommandStreams? streams)
    {
        int[] taken = [.. asked.Ports.Select(port => port.Spec.Number)];
        List<PortPlan> ports = [.. asked.Ports];
        Queue<int> free = new(FreeNumbers(taken, streams is null ? 1 : 4, asked.Settings.MaxPorts));

        Add(Control, control, DisconnectPolicy.Hold);
        if (streams is null)
        {
            // Ctrl-C stops us while the guest boots; the command's turn takes that away.
            ports.Add(new(new(0, null, IsConsole: true), "the command's console", new ChardevSpec.Stdio(Signals: true), null, NoOptions()));
        }
        else
        {
            // A reader that leaves must not stop a command: what it still writes is dropped, and it is told by a signal.
            Add(Input, streams.Input.Number, DisconnectPolicy.Hold);
            Add(Output, streams.Output.Number, DisconnectPolicy.Discard);
            Add(Error, streams.Error.Number, DisconnectPolicy.Discard);
        }

        // No larger than need be: every port costs the guest two rings.
        return new(asked.Settings with { MaxPorts = ports.Max(port => port.Spec.Number) + 1 }, ports);

        void Add(string name, int descriptor, DisconnectPolicy policy) =>
            ports.Add(new(new(free.Dequeue(), name, OnDisconnect: policy), name, new ChardevSpec.Fd(descriptor), null, NoOptions()));
    }

    /// <summary>Numbers for our own ports: above the user's, or else between them.</summary>
    /// <exception cref="RunException">The user's ports leave no room.</exception>
    public static IReadOnlyList<int> FreeNumbers(IReadOnlyCollection<int> taken, int count, int maxPorts)
    {
        int highest = taken.Append(0).Max();
        int[] numbers =
        [
            .. Enumerable.Range(1, maxPorts - 1).Where(number => !taken.Contains(number)).OrderBy(number => number < highest).Take(count),
        ];
        return numbers.Length == count
            ? numbers
            : throw new RunException($"run needs {count} ports for itself, and yours leave {numbers.Length} of {maxPorts - 1}: give fewer, or --vmm qemu with --max-ports");
    }

    private static Dictionary<string, string> NoOptions() => [];
}
