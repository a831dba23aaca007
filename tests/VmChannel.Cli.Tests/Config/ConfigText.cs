using System.Text;
using VmChannel.Cli.Config;
using Xunit;

namespace VmChannel.Cli.Tests.Config;

/// <summary>A configuration file as a test writes it.</summary>
internal static class ConfigText
{
    public const string Name = "host.toml";

    public static ServerConfig Read(string text)
    {
        ConfigErrors errors = new(Name);
        ServerConfig? config = ConfigFile.Parse(Encoding.UTF8.GetBytes(text), errors);
        Assert.Empty(errors.ToLines());
        return config!;
    }

    /// <summary>Its errors, a line each.</summary>
    public static IReadOnlyList<string> Errors(string text) => Errors(Encoding.UTF8.GetBytes(text));

    public static IReadOnlyList<string> Errors(byte[] content)
    {
        ConfigErrors errors = new(Name);
        Assert.Null(ConfigFile.Parse(content, errors));
        return errors.ToLines();
    }
}
