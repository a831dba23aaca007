using VmChannel.Native;

namespace VmChannel.Bench.Guest;

/// <summary>USB serial adapters by their product string, whoever made them.</summary>
internal static class AdapterSearch
{
    /// <summary>What names of adapters begin with, before the product string.</summary>
    public const string Prefix = "usb:";

    /// <summary>Opens an adapter as a raw terminal, and leaves it so.</summary>
    /// <param name="product">The product string, with "_" for spaces.</param>
    /// <returns>Null while there is none.</returns>
    public static FileDescriptor? Open(string product)
    {
        const string Folder = "/sys/class/tty";
        foreach (string path in Directory.EnumerateFileSystemEntries(Folder, "tty*"))
        {
            // device / interface / port / tty / terminal is the order of the folders; cdc_acm has no port.
            bool isAcm = Path.GetFileName(path).StartsWith("ttyACM", StringComparison.Ordinal);
            string? terminal = Directory.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName;
            string file = Path.GetFullPath($"{terminal}/{(isAcm ? "../../.." : "../../../..")}/product");
            if (!File.Exists(file) || File.ReadAllText(file).Trim().Replace(' ', '_') != product)
            {
                continue;
            }

            string node = $"/dev/{Path.GetFileName(path)}";
            _ = FileDescriptor.Open(node, OpenFlags.ReadWrite | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? opened).OrThrow(node);
            _ = Terminal.MakeRaw(opened!, keepSignals: false, out _).OrThrow(node);
            return opened;
        }

        return null;
    }
}
