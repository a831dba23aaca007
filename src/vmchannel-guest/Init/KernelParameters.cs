using System.Globalization;
using System.Text;

namespace VmChannel.GuestTool.Init;

/// <summary>A file tree of the host: how it comes into the guest and which part of it.</summary>
/// <param name="Type"><c>hostfs</c> (User Mode Linux) or <c>9p</c> (virtio-9p).</param>
/// <param name="Source">Absolute path on the host for hostfs, mount tag for 9p.</param>
internal sealed record HostTree(string Type, string Source);

/// <summary>A host's tree that the guest may write, and where it is in the guest.</summary>
internal sealed record SharedTree(HostTree Tree, string Path);

/// <summary>What <c>vmchannel run</c> says to its guest on the kernel's command line.</summary>
/// <remarks>
/// <c>vmchannel.root=hostfs:/</c>, <c>vmchannel.share=9p:share0:/src</c> (repeatable), <c>vmchannel.hostname=NAME</c>. Values may have
/// <c>%XX</c> for any byte: the command line cannot carry every character, nor tell a colon in a path from one between parts.
/// </remarks>
internal sealed record KernelParameters(HostTree? Root, IReadOnlyList<SharedTree> Shares, string? HostName)
{
    private const string Prefix = "vmchannel.";

    /// <summary>Reads a command line; parameters of others are skipped.</summary>
    /// <exception cref="InitException">A parameter of ours makes no sense.</exception>
    public static KernelParameters Parse(string commandLine)
    {
        HostTree? root = null;
        List<SharedTree> shares = [];
        string? hostName = null;
        foreach (string parameter in Split(commandLine).Where(word => word.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            string[] parts = parameter[Prefix.Length..].Split('=', 2);
            string value = parts.Length == 2 ? parts[1] : "";
            switch (parts[0])
            {
                case "root":
                    root = ParseTree(parameter, value);
                    break;
                case "share":
                    // The last one: a host's path may have colons, as a whole value without %XX.
                    int separator = value.LastIndexOf(":/", StringComparison.Ordinal);
                    shares.Add(separator > 0 && value[..separator].Contains(':', StringComparison.Ordinal)
                        ? new(ParseTree(parameter, value[..separator]), Unescape(parameter, value[(separator + 1)..]))
                        : throw Nonsense(parameter, "vmchannel.share=TYPE:SOURCE:/PATH"));
                    break;
                case "hostname":
                    hostName = Unescape(parameter, value);
                    break;
                default:
                    throw Nonsense(parameter, "root, share or hostname");
            }
        }

        return new(root, shares, hostName);
    }

    private static HostTree ParseTree(string parameter, string value)
    {
        string[] parts = value.Split(':', 2);
        return parts is ["hostfs" or "9p", { Length: > 0 }]
            ? new(parts[0], Unescape(parameter, parts[1]))
            : throw Nonsense(parameter, "hostfs:/PATH or 9p:TAG");
    }

    // Double quotes keep spaces and are not part of the value, wherever they are (next_arg() in the kernel's lib/cmdline.c).
    private static IEnumerable<string> Split(string commandLine)
    {
        StringBuilder word = new();
        bool quoted = false;
        foreach (char c in commandLine.Append(' '))
        {
            if (c == '"')
            {
                quoted = !quoted;
            }
            else if (!quoted && char.IsWhiteSpace(c))
            {
                if (word.Length > 0)
                {
                    yield return word.ToString();
                    word.Clear();
                }
            }
            else
            {
                word.Append(c);
            }
        }
    }

    private static string Unescape(string parameter, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        int written = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            bool escaped = bytes[i] == '%';
            if (escaped)
            {
                if (i + 2 >= bytes.Length || !byte.TryParse(bytes.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[written]))
                {
                    throw Nonsense(parameter, "%XX with two hexadecimal digits after each %");
                }

                i += 2;
            }
            else
            {
                bytes[written] = bytes[i];
            }

            written++;
        }

        string text = Encoding.UTF8.GetString(bytes, 0, written);
        return text.Contains('\0', StringComparison.Ordinal) ? throw Nonsense(parameter, "no NUL") : text;
    }

    private static InitException Nonsense(string parameter, string expected) =>
        new($"kernel command line: {parameter} is not understood, expected {expected}");
}
