using System.CommandLine;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Control;
using VmChannel.Control;

namespace VmChannel.Cli.Client;

/// <summary>The options of every command that talks to a running server.</summary>
internal sealed class ClientOptions
{
    /// <summary>The part of a manual page that explains them.</summary>
    public const string Manual = """
          --control PATH|URL    the server's control socket, or http://ADDRESS:PORT; without it, the VM's name is looked
                                up in $XDG_RUNTIME_DIR/vmchannel (root: /run/vmchannel),
                                and for root in those of the services vmchannel@NAME
          --token-file FILE     the token for a server on TCP
          --json                for programs: the control API's own JSON (docs/control.md)
          -h, --help            this page

        Exit codes: 0 done, 1 it failed, 2 the command line makes no sense.

        """;

    private readonly Option<string> _control = new("--control") { HelpName = "PATH|URL", Description = "the server's control socket or URL" };
    private readonly Option<string> _tokenFile = new("--token-file") { HelpName = "FILE", Description = "the token for a server on TCP" };
    private readonly Option<bool> _json = new("--json") { Description = "JSON for programs" };

    public void AddTo(Command command)
    {
        command.Add(_control);
        command.Add(_tokenFile);
        command.Add(_json);
    }

    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    /// <exception cref="UsageException">The address makes no sense, or the token cannot be read.</exception>
    public ServerFinder Read(ParseResult parsed)
    {
        ControlAddress? address = null;
        if (parsed.GetValue(_control) is string text && !ControlAddress.TryParse(text, out address, out string? reason))
        {
            throw new UsageException($"--control {text} {reason}");
        }

        string? token = parsed.GetValue(_tokenFile) is string file ? BearerToken.ReadFile("--token-file", file) : null;
        return token is not null && address?.Socket is not null
            ? throw new UsageException("--token-file is for a server on TCP: a unix socket needs none")
            : new ServerFinder(ServerFolder.All, address, token);
    }
}
