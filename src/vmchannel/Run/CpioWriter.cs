using System.Globalization;
using System.Text;

namespace VmChannel.Cli.Run;

/// <summary>Writes a cpio archive in the format the kernel unpacks at boot ("newc").</summary>
/// <remarks>Linux Documentation/driver-api/early-userspace/buffer-format.rst. Everything belongs to root, nothing has a date,
/// so the same content gives the same bytes.</remarks>
internal sealed class CpioWriter(Stream target) : IDisposable
{
    private const uint Folder = 0x4000 | 0x1ED;    // drwxr-xr-x
    private const uint File = 0x8000;
    private const uint Link = 0xA000 | 0x1FF;      // lrwxrwxrwx
    private const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
    private const uint CharacterDevice = 0x2000 | 0x180; // crw-------

    private readonly HashSet<string> _folders = [];
    private uint _inode;
    private long _written;

    /// <summary>Adds a folder, and those above it, unless it is there.</summary>
    /// <param name="path">Absolute, as the guest sees it.</param>
    public void AddFolder(string path)
    {
        if (path is "/" or "" || !_folders.Add(path))
        {
            return;
        }

        AddFolder(Path.GetDirectoryName(path)!);
        WriteEntry(path, Folder, device: (0, 0), []);
    }

    /// <summary>Adds a file, and the folders above it.</summary>
    public void AddFile(string path, ReadOnlySpan<byte> content, UnixFileMode mode = Executable)
    {
        AddFolder(Path.GetDirectoryName(path)!);
        WriteEntry(path, File | (uint)mode, device: (0, 0), content);
    }

    /// <summary>Adds a symbolic link, and the folders above it.</summary>
    public void AddLink(string path, string target)
    {
        AddFolder(Path.GetDirectoryName(path)!);
        WriteEntry(path, Link, device: (0, 0), Encoding.UTF8.GetBytes(target));
    }

    /// <summary>Adds a device node that must exist before the first program runs.</summary>
    public void AddDevice(string path, uint major, uint minor)
    {
        AddFolder(Path.GetDirectoryName(path)!);
        WriteEntry(path, CharacterDevice, (major, minor), []);
    }

    /// <summary>Ends the archive; the stream stays open.</summary>
    public void Dispose() => WriteEntry("/TRAILER!!!", mode: 0, device: (0, 0), []);

    private void WriteEntry(string path, uint mode, (uint Major, uint Minor) device, ReadOnlySpan<byte> content)
    {
        byte[] name = Encoding.UTF8.GetBytes(path.TrimStart('/') + '\0');
        uint links = (mode & 0xF000) == 0x4000 ? 2u : 1u;
        ReadOnlySpan<uint> fields =
        [
            ++_inode, mode, 0, 0, links, 0, (uint)content.Length, 0, 0, device.Major, device.Minor, (uint)name.Length, 0,
        ];

        StringBuilder header = new("070701", 110);
        foreach (uint field in fields)
        {
            header.Append(CultureInfo.InvariantCulture, $"{field:X8}");
        }

        Write(Encoding.ASCII.GetBytes(header.ToString()));
        Write(name);
        Pad();
        Write(content);
        Pad();
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        target.Write(bytes);
        _written += bytes.Length;
    }

    private void Pad() => Write("\0\0\0"u8[..(int)(-_written & 3)]);
}
