using System.Text;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Control;
using VmChannel.Cli.Serve;

namespace VmChannel.Cli.Config;

/// <summary>Reads a configuration file: TOML, with everything the command line of <c>serve</c> knows.</summary>
internal static class ConfigFile
{
    /// <summary>A thousand VMs with long paths fit; a disk image given by mistake does not.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Reads and checks a whole file.</summary>
    /// <exception cref="ConfigException">It cannot be read, or something in it is wrong: all errors are in it.</exception>
    public static async Task<ServerConfig> ReadAsync(string path, CancellationToken cancellationToken)
    {
        byte[] content;
        try
        {
            content = await ReadBytesAsync(path, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException([$"{path}: {Explain(e, path)}"]);
        }

        ConfigErrors errors = new(path);
        return Parse(content, errors) ?? throw new ConfigException(errors.ToLines());
    }

    /// <summary>The same for bytes in memory. Nothing is opened; only account names of <c>allow=</c> are looked up.</summary>
    /// <param name="content">UTF-8, at most <see cref="MaxBytes"/>.</param>
    /// <param name="errors">Gets everything that is wrong; then null is returned.</param>
    public static ServerConfig? Parse(ReadOnlySpan<byte> content, ConfigErrors errors)
    {
        if (content.Length > MaxBytes)
        {
            errors.Add(0, $"larger than {MaxBytes >> 20} MiB: this is no configuration file");
            return null;
        }

        if (FindText(content, errors) is not string text || TomlDocument.Read(text, errors) is not ConfigTable root)
        {
            return null;
        }

        ServerConfig config = ReadRoot(root, errors);
        return errors.Any ? null : config;
    }

    /// <summary>Where the control API of a file's server is to be, with the token, which is read now.</summary>
    /// <exception cref="ConfigException">The token cannot be used.</exception>
    public static ControlPlan ReadControl(string path, ControlConfig control)
    {
        try
        {
            return ControlOptions.Read(control.Socket, control.Tcp, control.TokenFile);
        }
        catch (UsageException e)
        {
            throw new ConfigException([$"{path}:{control.TokenFileLine}: {e.Message.TrimStart('-')}"]);
        }
    }

    private static ServerConfig ReadRoot(ConfigTable root, ConfigErrors errors)
    {
        ConfigSection section = new(root, "the file", errors);
        ConfigClaims claims = new(errors);
        ControlConfig control = ReadControl(section, claims, errors);
        LoopPlan loops = ReadLoops(section, errors);
        List<VmConfig> vms = [];
        foreach ((ConfigEntry entry, ConfigTable table) in section.Named("vm"))
        {
            if (!VmName.IsValid(entry.Key, out string? reason))
            {
                errors.Add(entry.Line, $"the name of vm.{entry.Key} {reason}: choose another");
            }
            else if (new VmSection(entry.Key, table, claims, errors).Read() is VmConfig vm)
            {
                vms.Add(vm);
            }
        }

        section.RefuseOthers();
        if (vms.Count == 0 && !errors.Any)
        {
            errors.Add(0, "no VM is in it: add [vm.NAME] with vhost-user = \"PATH\"");
        }

        return new(control, loops, vms);
    }

    private static ControlConfig ReadControl(ConfigSection section, ConfigClaims claims, ConfigErrors errors)
    {
        string? socket = section.Text("control");
        string? tcp = section.Text("control-tcp");
        string? tokenFile = section.Text("control-token-file");
        if (socket?.Length == 0)
        {
            errors.Add(section.LineOf("control"), "control is empty: give a path, or \"none\"");
        }
        else if (socket is not null and not "none")
        {
            claims.Socket(socket, section.LineOf("control"), "control");
        }

        if (tcp is not null && !ControlOptions.TryParseAddress(tcp, out _, out string? wrong))
        {
            errors.Add(section.LineOf("control-tcp"), $"control-tcp = {tcp}: {wrong}");
        }

        if (tcp is not null && !section.Has("control-token-file"))
        {
            errors.Add(section.LineOf("control-tcp"), "control-tcp is open to everybody who reaches it: add control-token-file = \"PATH\"");
        }
        else if (tokenFile is not null && !section.Has("control-tcp"))
        {
            errors.Add(section.LineOf("control-token-file"), "control-token-file is for control-tcp: give both");
        }

        return new(socket, tcp, tokenFile) { TokenFileLine = tokenFile is null ? 0 : section.LineOf("control-token-file") };
    }

    private static LoopPlan ReadLoops(ConfigSection section, ConfigErrors errors)
    {
        LoopPlan plan = LoopPlan.Default;
        if (section.Word("poll-us") is string poll)
        {
            plan = LoopOptions.TryParsePoll(poll, out TimeSpan time, out string? error) ? plan with { Poll = time } : Refuse("poll-us", poll, error);
        }

        if (section.Word("loops") is string loops)
        {
            plan = LoopOptions.TryParseLoops(loops, out int most, out string? error) ? plan with { Most = most } : Refuse("loops", loops, error);
        }

        return plan;

        LoopPlan Refuse(string key, string value, string error)
        {
            errors.Add(section.LineOf(key), $"{key} = {value}: {error}");
            return plan;
        }
    }

    private static string? FindText(ReadOnlySpan<byte> content, ConfigErrors errors)
    {
        if (System.Text.Unicode.Utf8.IsValid(content))
        {
            return Encoding.UTF8.GetString(content);
        }

        int good = 0;
        while (Rune.DecodeFromUtf8(content[good..], out _, out int consumed) == System.Buffers.OperationStatus.Done)
        {
            good += consumed;
        }

        errors.Add(content[..good].Count((byte)'\n') + 1, "this is not UTF-8: save the file in that encoding");
        return null;
    }

    private static async Task<byte[]> ReadBytesAsync(string path, CancellationToken cancellationToken)
    {
        await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);

        // One byte more than may be tells that there is more; a pipe has no length to ask for.
        byte[] buffer = new byte[MaxBytes + 1];
        int length = await file.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return buffer[..length];
    }

    private static string Explain(Exception e, string path) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file: give the path of a TOML file",
        UnauthorizedAccessException when Directory.Exists(path) => "this is a folder: give the path of a TOML file",
        UnauthorizedAccessException => "it may not be read: check its owner and mode",
        _ => e.Message,
    };
}
