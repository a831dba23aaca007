using VmChannel.Cli.Config;

namespace VmChannel.Fuzz;

/// <summary>Any bytes as a configuration file: it is read, or else at least one error says why not, each with its place.</summary>
public static class ConfigTarget
{
    public static void Run(ReadOnlySpan<byte> input)
    {
        ConfigErrors errors = new("fuzz.toml");
        ServerConfig? config = ConfigFile.Parse(input, errors);
        IReadOnlyList<string> lines = errors.ToLines();
        if (config is null != lines.Count > 0 || lines.Any(line => !line.StartsWith("fuzz.toml:", StringComparison.Ordinal)))
        {
            throw new InvalidOperationException($"{lines.Count} errors, {config?.Vms.Count} VMs");
        }
    }
}
