using System.Globalization;
using System.Text;

namespace VmChannel.Cli.Run;

/// <summary>What a throw-away guest boots with, whichever monitor runs it.</summary>
/// <param name="Socket">The vhost-user socket of our device.</param>
/// <param name="Kernel">The guest's kernel: a program for UML, a bzImage for QEMU.</param>
/// <param name="Initramfs">The archive it starts from.</param>
/// <param name="MemoryMiB">Guest memory.</param>
/// <param name="MaxPorts">Ports our device has room for, the console's included.</param>
/// <param name="Shares">Folders the guest may write to.</param>
internal sealed record GuestBoot(
    string Socket, string Kernel, string Initramfs, int MemoryMiB, int MaxPorts, IReadOnlyList<SharedFolder> Shares)
{
    public string Hostname { get; init; } = "vmchannel";

    /// <summary>Sockets of the USB adapters that it has instead of our device; empty for none.</summary>
    public IReadOnlyList<string> Adapters { get; init; } = [];

    /// <summary>What our init reads: where its root comes from, and what to mount on it.</summary>
    /// <param name="type">How the guest mounts: <c>hostfs</c> or <c>9p</c>.</param>
    /// <param name="root">Source of the root in the words of that type.</param>
    /// <param name="shareSource">Source of a share by its index.</param>
    public IEnumerable<string> InitArguments(string type, string root, Func<int, string> shareSource)
    {
        yield return $"vmchannel.root={type}:{Escape(root)}";
        for (int index = 0; index < Shares.Count; index++)
        {
            yield return $"vmchannel.share={type}:{Escape(shareSource(index))}:{Escape(Shares[index].GuestPath)}";
        }

        yield return $"vmchannel.hostname={Hostname}";
    }

    /// <summary>%XX for what a kernel's command line, or the colons between our parts, would not survive.</summary>
    private static string Escape(string value)
    {
        StringBuilder text = new(value.Length);
        foreach (byte part in Encoding.UTF8.GetBytes(value))
        {
            bool isPlain = char.IsAsciiLetterOrDigit((char)part) || "/._-+@"u8.Contains(part);
            text.Append(isPlain ? ((char)part).ToString() : string.Create(CultureInfo.InvariantCulture, $"%{part:X2}"));
        }

        return text.ToString();
    }
}
