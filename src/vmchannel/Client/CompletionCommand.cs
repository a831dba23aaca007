using System.CommandLine;
using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Client;

/// <summary><c>vmchannel completion SHELL</c>: the script that has a shell ask this program.</summary>
internal static class CompletionCommand
{
    /// <summary>The command line's own <c>[suggest:N]</c> directive answers.</summary>
    private const string Bash = """
        _vmchannel() {
            local word="${COMP_WORDS[COMP_CWORD]}"
            mapfile -t COMPREPLY < <(vmchannel "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null | grep -F -- "$word" | while IFS= read -r line; do
                [[ $line == "$word"* ]] && printf '%s\n' "$line"
            done)
        }
        complete -o default -F _vmchannel vmchannel

        """;

    private const string Zsh = """
        #compdef vmchannel
        _vmchannel() {
            local -a replies
            replies=("${(@f)$(vmchannel "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)}")
            compadd -- $replies
        }
        if [ "$funcstack[1]" = _vmchannel ]; then
            _vmchannel  # a file in fpath: this is the first completion
        else
            compdef _vmchannel vmchannel
        fi

        """;

    private const string Manual = """
        vmchannel completion - complete verbs, options, VMs and ports in a shell

        Usage:
          vmchannel completion bash|zsh

        Examples:
          source <(vmchannel completion bash)
          vmchannel completion zsh > ~/.zfunc/_vmchannel

        Exit codes: 0 printed, 2 the command line makes no sense.

        """;

    public static Command Create()
    {
        Argument<string> shell = new("SHELL") { HelpName = "bash|zsh" };
        shell.CompletionSources.Add("bash", "zsh");
        ManualCommand command = new("completion", "Print a script that completes in bash or zsh.", Manual) { shell };
        command.SetAction(parsed =>
        {
            _ = StandardStream.WriteOutput(parsed.GetValue(shell) switch
            {
                "bash" => Bash,
                "zsh" => Zsh,
                string other => throw new UsageException($"completion {other}: there are scripts for bash and zsh"),
                null => throw new UsageException("completion: say bash or zsh"),
            });
            return 0;
        });
        return command;
    }
}
