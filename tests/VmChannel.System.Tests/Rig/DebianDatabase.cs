using System.Security.Cryptography;
using System.Text;
using VmChannel.Cli.Run;

namespace VmChannel.SystemTests.Rig;

/// <summary>dpkg's database, as if the packages of a fetched set had been installed.</summary>
/// <param name="root">Their files.</param>
/// <param name="control">What dpkg knows of each, see <see cref="VmChannel.Cli.Fetch.PackageSet.KeepsControl"/>.</param>
/// <remarks>dpkg(1), deb-triggers(5); the format of info/ is dpkg's own.</remarks>
internal sealed class DebianDatabase(string root, string control)
{
    private const string Folder = "/var/lib/dpkg";

    private readonly StringBuilder _status = new();
    private readonly SortedDictionary<string, string> _triggers = new(StringComparer.Ordinal) { ["File"] = "", ["Unincorp"] = "", ["Lock"] = "" };

    public void Write(CpioWriter cpio)
    {
        foreach (string folder in Directory.GetDirectories(control).Order(StringComparer.Ordinal))
        {
            AddPackage(cpio, folder);
        }

        Add(cpio, "status", _status.ToString());
        Add(cpio, "arch", "amd64\n");
        Add(cpio, "info/format", "1\n");
        cpio.AddFolder($"{Folder}/updates");
        foreach (string empty in (ReadOnlySpan<string>)["available", "diversions", "statoverride", "lock", "lock-frontend"])
        {
            Add(cpio, empty, "");
        }

        foreach ((string name, string interested) in _triggers)
        {
            Add(cpio, $"triggers/{name}", interested);
        }
    }

    private void AddPackage(CpioWriter cpio, string folder)
    {
        string[] paragraph = File.ReadAllLines(Path.Combine(folder, "control"));
        string package = Field(paragraph, "Package")!;
        string name = Field(paragraph, "Multi-Arch") == "same" ? $"{package}:{Field(paragraph, "Architecture")}" : package;
        string[] conffiles = ReadLines(Path.Combine(folder, "conffiles"));

        _status.Append($"Package: {package}\nStatus: install ok installed\n");
        _status.AppendJoin("", paragraph.Where(line => line.Length > 0 && !line.StartsWith("Package:", StringComparison.Ordinal)).Select(line => line + "\n"));
        if (conffiles.Length > 0)
        {
            _status.Append("Conffiles:\n").AppendJoin("", conffiles.Select(path => $" {path} {Hash(path)}\n"));
        }

        _status.Append('\n');
        Add(cpio, $"info/{name}.list", string.Join("", ReadLines(Path.Combine(folder, "list")).Select(path => path == "./" ? "/.\n" : path[1..].TrimEnd('/') + "\n")));
        foreach (string file in Directory.GetFiles(folder).Where(file => Path.GetFileName(file) is not ("control" or "list")))
        {
            cpio.AddFile($"{Folder}/info/{name}.{Path.GetFileName(file)}", File.ReadAllBytes(file), File.GetUnixFileMode(file));
        }

        foreach (string line in ReadLines(Path.Combine(folder, "triggers")))
        {
            AddTrigger(line.Split('#')[0].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries), name);
        }
    }

    private void AddTrigger(string[] words, string package)
    {
        if (words is [string kind, string trigger] && kind.StartsWith("interest", StringComparison.Ordinal))
        {
            string interested = kind == "interest-noawait" ? $"{package}/noawait\n" : $"{package}\n";
            bool isFile = trigger.StartsWith('/');
            string table = isFile ? "File" : trigger;
            _triggers[table] = _triggers.GetValueOrDefault(table, "") + (isFile ? $"{trigger} {interested}" : interested);
        }
    }

    // MD5 is what dpkg writes down, not what anybody trusts.
#pragma warning disable CA5351
    private string Hash(string path) => Convert.ToHexStringLower(MD5.HashData(File.ReadAllBytes(root + path)));
#pragma warning restore CA5351

    private static string? Field(string[] paragraph, string name) =>
        paragraph.FirstOrDefault(line => line.StartsWith(name + ": ", StringComparison.Ordinal))?[(name.Length + 2)..];

    private static string[] ReadLines(string path) => File.Exists(path) ? File.ReadAllLines(path) : [];

    private static void Add(CpioWriter cpio, string path, string text) =>
        cpio.AddFile(
            $"{Folder}/{path}", Encoding.UTF8.GetBytes(text), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
}
