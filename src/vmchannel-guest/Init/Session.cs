using VmChannel.Guest;
using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.GuestTool.Init;

/// <summary>One command from its start to its last byte.</summary>
internal sealed class Session(RunCommand command, ControlPort control, LinkKeeper links)
{
    private const int Kill = 9;
    private const string Console = "/dev/hvc0";

    // USB adapters come one by one.
    private static readonly TimeSpan PortTimeout = TimeSpan.FromSeconds(20);

    private readonly List<OutputPump> _outputs = [];
    private readonly List<FileDescriptor> _childEnds = [];

    /// <summary>Starts the command, waits for its end, ends what it left behind, and sees its output off.</summary>
    /// <returns>What to tell the host.</returns>
    public RunExit Run()
    {
        try
        {
            WaitForLinks();
            ChildSpec streams = command.Tty ? OpenTerminal() : OpenPipes();
            int pid = Command.Start(command, streams, out RunExit? failure);
            _childEnds.ForEach(end => end.Dispose());
            RunExit exit = failure ?? WaitFor(pid);
            EndOutput();
            return exit;
        }
        catch (Exception fault) when (fault is InitException or IOException)
        {
            return new(125, fault.Message);
        }
    }

    private void WaitForLinks()
    {
        List<ProtocolName> names = [.. command.Ports.Select(text => ProtocolName.TryParse(text, out ProtocolName name, out _) ? name : default)];
        bool Linked(LinkState state, ProtocolName name) => state.Plan.Links.ContainsKey(LinkPlan.ChannelPath(name));
        if (links.WaitUntil(state => names.TrueForAll(name => Linked(state, name)), PortTimeout) is null)
        {
            LinkState now = links.Update();
            IEnumerable<string> missing = names.Where(name => !Linked(now, name)).Select(name => name.Text);
            throw new InitException($"no channel {string.Join(", ", missing)} in the guest after {PortTimeout.TotalSeconds} s");
        }
    }

    private ChildSpec OpenTerminal() => Path.Exists(Console) ? OpenConsole() : MakeTerminal();

    private ChildSpec MakeTerminal()
    {
        GuestTerminal terminal = new(flags => InternalPorts.Open(links, "terminal", flags, PortTimeout));
        control.OnResize(terminal.Resize);
        FileDescriptor.Open(terminal.Path, OpenFlags.ReadWrite | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? slave)
            .OrFail($"open the terminal {terminal.Path}");
        _childEnds.Add(slave!);
        _ = TerminalLine.SetUtf8(slave!);
        Mounts.ChangeOwner(terminal.Path, command.Uid, command.Gid).OrFail($"give {terminal.Path} to user {command.Uid}");
        _outputs.Add(terminal.Start());
        return new("", [], [], "/") { Terminal = terminal.Path };
    }

    private ChildSpec OpenConsole()
    {
        FileDescriptor.Open(Console, OpenFlags.ReadWrite | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? terminal)
            .OrFail($"open the console {Console}");
        _childEnds.Add(terminal!);
        _ = TerminalLine.SetUtf8(terminal!);
        Mounts.ChangeOwner(Console, command.Uid, command.Gid).OrFail($"give {Console} to user {command.Uid}");
        return new("", [], [], "/") { Terminal = Console };
    }

    private ChildSpec OpenPipes()
    {
        (FileDescriptor input, FileDescriptor inputWriter) = AnonymousPipe.Create();
        (FileDescriptor outputReader, FileDescriptor output) = AnonymousPipe.Create();
        (FileDescriptor errorReader, FileDescriptor error) = AnonymousPipe.Create();
        _childEnds.AddRange([input, output, error]);
        foreach (FileDescriptor end in _childEnds)
        {
            // /dev/stdout opens the pipe anew, which asks for its owner.
            _ = Mounts.ChangeOwner(end, command.Uid, command.Gid);
        }

        StartInput(inputWriter);
        _outputs.Add(new(outputReader, InternalPorts.Open(links, "stdout", OpenFlags.WriteOnly, PortTimeout), "stdout"));
        _outputs.Add(new(errorReader, InternalPorts.Open(links, "stderr", OpenFlags.WriteOnly, PortTimeout), "stderr"));
        _outputs.ForEach(pump => pump.Start());
        return new("", [], [], "/") { Input = input, Output = output, Error = error };
    }

    private void StartInput(FileDescriptor pipe)
    {
        GuestPort port = InternalPorts.Find(links, "stdin", PortTimeout);
        if (port.Id.IsUsb)
        {
            new AdapterInput(port, pipe).Start();
        }
        else
        {
            new InputPump(InternalPorts.Open(links, "stdin", OpenFlags.ReadOnly, PortTimeout), pipe, "stdin").Start();
        }
    }

    private RunExit WaitFor(int pid)
    {
        control.OnSignal(signal => ChildProcess.SignalGroup(pid, signal));
        PosixResult reaped;
        ChildEnd end;
        do
        {
            // Also the children of dead parents: the first process inherits them.
            reaped = ChildProcess.WaitAny(out end);
        }
        while (reaped.IsSuccess && reaped.Value != pid);
        control.OnSignal(_ => { });
        return new(end.ShellCode);
    }

    private void EndOutput()
    {
        // What the command left running holds its pipes open and would keep the guest from ending.
        _ = ChildProcess.SignalAll(Kill);
        while (ChildProcess.WaitAny(out _).IsSuccess)
        {
        }

        _outputs.ForEach(pump => pump.WaitForEnd());
        if (command.Tty && Path.Exists(Console))
        {
            // A new opening: the end of the session has hung up the others.
            _ = FileDescriptor.Open(Console, OpenFlags.WriteOnly | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? terminal);
            using (terminal)
            {
                _ = terminal is null ? default : TerminalLine.Drain(terminal);
            }
        }
    }
}
