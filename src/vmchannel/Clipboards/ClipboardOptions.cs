using System.CommandLine;
using VmChannel.Cli.CommandLine;
using VmChannel.Device.Services.Clipboard;
using VmChannel.Wire.VdAgent;
using ClipboardSelection = VmChannel.Control.ClipboardSelection;

namespace VmChannel.Cli.Clipboards;

/// <summary>Which clipboard, in which form, from or to which file.</summary>
internal sealed class ClipboardOptions
{
    private readonly Option<string?> _selection = new("--selection") { HelpName = "NAME", Description = "which clipboard" };
    private readonly Option<string?> _type = new("--type") { HelpName = "TYPE", Description = "in which form" };

    public ClipboardOptions()
    {
        _selection.CompletionSources.Add([.. ClipboardWords.SelectionWords]);
        _type.CompletionSources.Add([.. ClipboardWords.TypeWords]);
    }

    public void AddTo(Command command, bool withType = true)
    {
        command.Add(_selection);
        if (withType)
        {
            command.Add(_type);
        }
    }

    /// <exception cref="UsageException">There is no such clipboard.</exception>
    public ClipboardSelection Selection(ParseResult parsed)
        => parsed.GetValue(_selection) is not string word ? ClipboardSelection.Clipboard
            : ClipboardWords.ParseSelection(word) is { } known ? (ClipboardSelection)known
            : throw new UsageException($"--selection {word}: {string.Join(", ", ClipboardWords.SelectionWords)} are there");

    /// <exception cref="UsageException">There is no such form.</exception>
    public ClipboardType? Type(ParseResult parsed)
        => parsed.GetValue(_type) is not string word ? null
            : ClipboardWords.ParseType(word) ?? throw new UsageException($"--type {word}: one of {string.Join(", ", ClipboardWords.TypeWords)} is needed");

    /// <summary>The form of a file, by its name; text for any other.</summary>
    public static ClipboardType TypeOfFile(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".png" => ClipboardType.Png,
        ".bmp" => ClipboardType.Bmp,
        ".tif" or ".tiff" => ClipboardType.Tiff,
        ".jpg" or ".jpeg" => ClipboardType.Jpeg,
        _ => ClipboardType.Utf8Text,
    };
}
