using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Control;

/// <summary>The options that say where a server's control API is.</summary>
internal sealed class ControlOptions
{
    private readonly Option<string> _control = new("--control")
    {
        HelpName = "PATH|none",
        Description = "unix socket of the control API (default: under the VM's name in the runtime folder)",
    };

    private readonly Option<string> _tcp = new("--control-tcp")
    {
        HelpName = "ADDRESS:PORT",
        Description = "the control API on TCP as well, for clients with the token",
    };

    private readonly Option<string> _tokenFile = new("--control-token-file")
    {
        HelpName = "FILE",
        Description = "the token clients on TCP have to show: the file's first line",
    };

    public void AddTo(Command command)
    {
        command.Add(_control);
        command.Add(_tcp);
        command.Add(_tokenFile);
    }

    /// <exception cref="UsageException">One of them makes no sense, or one lacks another.</exception>
    public ControlPlan Read(ParseResult parsed) => Read(parsed.GetValue(_control), parsed.GetValue(_tcp), parsed.GetValue(_tokenFile));

    /// <summary>The same from a configuration's values; null = not given.</summary>
    /// <exception cref="UsageException">One of them makes no sense, or one lacks another.</exception>
    public static ControlPlan Read(string? control, string? tcp, string? tokenFile)
    {
        ControlPlan plan = control switch
        {
            null => new(),
            "none" => new(ControlPlace.None),
            "" => throw new UsageException("--control is empty: give a path, or none"),
            string path => new(ControlPlace.Path, path),
        };
        return (tcp, tokenFile) switch
        {
            (null, null) => plan,
            (string address, string file) => plan with { Tcp = Address(address), Token = BearerToken.ReadFile("--control-token-file", file) },
            (string, null) => throw new UsageException(
                "--control-tcp needs --control-token-file FILE: without a token anybody could plug ports into your VMs"),
            _ => throw new UsageException("--control-token-file is for --control-tcp: give both"),
        };
    }

    /// <summary>Where to listen on TCP.</summary>
    /// <param name="text">Such as <c>127.0.0.1:9999</c>.</param>
    /// <param name="address">The address.</param>
    /// <param name="error">What is needed instead.</param>
    public static bool TryParseAddress(string text, [NotNullWhen(true)] out IPEndPoint? address, [NotNullWhen(false)] out string? error)
    {
        const string Localhost = "localhost:";
        string literal = text.StartsWith(Localhost, StringComparison.Ordinal) ? $"127.0.0.1:{text[Localhost.Length..]}" : text;
        bool isGood = IPEndPoint.TryParse(literal, out address) && literal.EndsWith($":{address.Port}", StringComparison.Ordinal);
        error = isGood ? null : "an address and a port are needed, such as 127.0.0.1:9999 or [::1]:9999";
        return isGood;
    }

    private static IPEndPoint Address(string text)
        => TryParseAddress(text, out IPEndPoint? address, out string? error) ? address : throw new UsageException($"--control-tcp {text}: {error}");
}
