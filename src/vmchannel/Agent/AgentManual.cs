namespace VmChannel.Cli.Agent;

/// <summary>The page of <c>vmchannel agent</c>, up to the options that every command to a server has.</summary>
internal static class AgentManual
{
    public const string Text = """
        vmchannel agent - ask the QEMU guest agent of a VM

        Usage:
          vmchannel agent [VM] ping
          vmchannel agent [VM] info
          vmchannel agent [VM] exec [-n] [--env NAME=VALUE]... [--limit TIME] -- COMMAND [WORD]...
          vmchannel agent [VM] cp FILE VM:/PATH
          vmchannel agent [VM] cp VM:/PATH FILE
          vmchannel agent [VM] fsfreeze status|freeze|thaw
          vmchannel agent [VM] shutdown [powerdown|halt|reboot]
          vmchannel agent [VM] call NAME ['{"ARGUMENT":VALUE}']

        The guest runs the stock qemu-guest-agent, and the VM has a port for it:
        -virtioserial protocol=org.qemu.guest_agent.0,char=unix:qga.sock,server,on-disconnect=discard (docs/agent.md).

          ping                  whether the agent answers; --timeout 5m waits for one that starts until then
          info                  its version and commands
          exec                  runs a command as the agent's user, without a shell. Its output and errors are printed when
                                it has ended (the agent keeps 16 MiB of each); the exit code is its own, 128 + N for signal
                                N. Standard input, unless it is a terminal, is read to its end first and given to it
          cp                    copies a file to the guest or from it; a copy gets the file's permissions (to a guest without
                                those for writing of group and others), a file that is there already keeps its own. A PATH
                                that ends in / is a folder
          fsfreeze              has the guest's file systems written and their writers wait, for a snapshot; thaw ends that
          call                  any command of the agent, with its answer as JSON

          --timeout TIME        how long the agent may be silent, or take to start (default 5s)
          -n, --no-input        exec: the command gets no input
          --env NAME=VALUE      exec: the command's environment, instead of the agent's, as often as wanted
          --limit TIME          exec: how long the command may take; it goes on in the guest afterwards
          --port PORT           the agent's port (default org.qemu.guest_agent.0)
          --beside              talk to the agent although another client has the port, which then sees these answers, too

        Examples:
          vmchannel agent web ping --timeout 2m && vmchannel agent web info
          vmchannel agent web exec -- sh -c 'df -h; exit 3'
          tar c src | vmchannel agent web exec -- tar x -C /srv
          vmchannel agent cp web:/var/log/syslog .

        Exit codes of exec: the command's own; 1 also when it could not be run, with a line that says why.

        Options:

        """;
}
