using System.CommandLine;

namespace VmChannel.Cli.CommandLine;

/// <summary>A command whose <c>--help</c> is a page written by hand.</summary>
internal sealed class ManualCommand(string name, string description, string manual) : Command(name, description)
{
    public string Manual { get; } = manual;
}
