using VmChannel.Cli.Serve;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Options;
using VmChannel.Device.Ports;

namespace VmChannel.Cli.Run;

/// <summary>Adds the ports that carry the run itself to the device the user asked for.</summary>
internal static class RunPorts
{
    public const string Control = Prefix + "control";
    public const string Input = Prefix + "stdin";
    public const string Output = Prefix + "stdout";
    public const string Error = Prefix + "stderr";
    public const string Terminal = Prefix + "terminal";

    private const string Prefix = "org.vmchannel.run.";

    /// <summary>The name is one of the run's own.</summary>
    public static bool IsOwn(string protocol) => protocol.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>The device with a control port and either a console on this terminal or three plain streams.</summary>
    /// <param name="asked">The user's device.</param>
    /// <param name="transport">What carries it: without virtio-serial the terminal has a port like others.</param>
    /// <param name="control">Descriptor of the conversation with the guest.</param>
    /// <param name="streams">Null: the command has the terminal.</param>
    /// <exception cref="RunException">The user's ports leave no room.</exception>
    public static DevicePlan Plan(DevicePlan asked, PortTransport transport, int control, CommandStreams? streams)
    {
        int[] taken = [.. asked.Ports.Select(port => port.Spec.Number)];
        List<PortPlan> ports = [.. asked.Ports];
        bool hasConsole = streams is null && transport == PortTransport.VirtioSerial;
        Queue<int> free = new(FreeNumbers(taken, streams is not null ? 4 : hasConsole ? 1 : 2, asked.Settings.MaxPorts));

        Add(Control, new ChardevSpec.Fd(control), DisconnectPolicy.Hold);
        if (streams is not null)
        {
            // A reader that leaves must not stop a command: what it still writes is dropped, and it is told by a signal.
            Add(Input, new ChardevSpec.Fd(streams.Input.Number), DisconnectPolicy.Hold);
            Add(Output, new ChardevSpec.Fd(streams.Output.Number), DisconnectPolicy.Discard);
            Add(Error, new ChardevSpec.Fd(streams.Error.Number), DisconnectPolicy.Discard);
        }
        else if (hasConsole)
        {
            ports.Add(new(new(0, null, IsConsole: true), "the command's console", Stdio(), null, NoOptions()));
        }
        else
        {
            Add(Terminal, Stdio(), DisconnectPolicy.Hold);
        }

        // No larger than need be: every port costs the guest two rings.
        return new(asked.Settings with { MaxPorts = ports.Max(port => port.Spec.Number) + 1 }, ports);

        void Add(string name, ChardevSpec chardev, DisconnectPolicy policy) =>
            ports.Add(new(new(free.Dequeue(), name, OnDisconnect: policy) { Transport = transport }, name, chardev, null, NoOptions()));
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

    /// <summary>Ctrl-C stops us while the guest boots; the command's turn takes that away.</summary>
    private static ChardevSpec.Stdio Stdio() => new(Signals: true);

    private static Dictionary<string, string> NoOptions() => [];
}
