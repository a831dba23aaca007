using System.Globalization;
using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>The private folder beside a monitor's socket: for each port two FIFOs that QEMU and this process both hold open.</summary>
/// <remarks>
/// A FIFO has its bytes as long as anybody has it open, so what is on its way outlives either process alone. What this process
/// had taken out and could not hand on is put into files at its end. The folder is 0700, everything in it 0600.
/// </remarks>
internal sealed class PipeFolder : IDisposable
{
    private const uint OwnerOnly = 0x180;
    private const string LockName = "lock";

    private readonly string _path;
    private FileStream? _lock;

    /// <param name="monitor">The monitor's socket.</param>
    public PipeFolder(UnixAddress monitor)
    {
        _path = monitor.IsAbstract
            ? Path.Combine(RuntimeFolder(), $"vmchannel-{Environment.UserName}-{monitor.Name.Replace('/', '-')}")
            : Path.GetFullPath(monitor.Name) + ".vmchannel";
    }

    /// <summary>What the devices and chardevs of this folder's ports are called in QEMU, but for the number: nobody else's are.</summary>
    public string IdPrefix
    {
        get
        {
            byte[] hash = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(_path));
            return $"vmchannel-{Convert.ToHexStringLower(hash.AsSpan(0, 3))}-";
        }
    }

    /// <summary>Makes the folder, and takes it for this process.</summary>
    /// <exception cref="IOException">It is another process's, or cannot be made: the message says what to do.</exception>
    public void Open()
    {
        try
        {
            _ = Directory.CreateDirectory(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (UnauthorizedAccessException e)
        {
            throw NotMade(e);
        }

        // Somebody else may have been there first.
        if (FileOwnership.WhyNotPrivate(_path) is string reason)
        {
            throw new IOException($"{_path} {reason}");
        }

        try
        {
            _lock = new FileStream(Path.Combine(_path, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw NotMade(e);
        }
        catch (IOException e) when (_lock is null && File.Exists(Path.Combine(_path, LockName)) && e is not FileNotFoundException)
        {
            throw new IOException($"{_path} is in use: another vmchannel serves this QEMU; stop it first", e);
        }
    }

    /// <summary>A port's pipes without their endings, as QEMU's chardev <c>pipe</c> takes them.</summary>
    public string PathOf(Ports.PortSpec port) => Path.Combine(_path, string.Create(CultureInfo.InvariantCulture, $"port{port.Number}"));

    /// <summary>Opens a port's pipes, and makes those that are missing; gets back what an earlier process left of its bytes.</summary>
    /// <param name="link">Gets all that.</param>
    /// <returns>They were there: QEMU may have them open.</returns>
    /// <exception cref="IOException">They cannot be made.</exception>
    public bool Connect(LinkedPort link)
    {
        string path = PathOf(link.Port.Spec);
        FileDescriptor input = Open(path + ".out", out bool wasInputThere);
        bool wasOutputThere;
        try
        {
            link.Connect(input, Open(path + ".in", out wasOutputThere));
        }
        catch
        {
            input.Dispose();
            throw;
        }

        link.FromGuest.Restore(path + ".from-guest");
        link.ToGuest.Restore(path + ".to-guest");
        return wasInputThere && wasOutputThere;
    }

    /// <summary>Keeps what waits in this process for the next one.</summary>
    /// <exception cref="IOException">It cannot.</exception>
    public void Store(LinkedPort link)
    {
        string path = PathOf(link.Port.Spec);
        link.FromGuest.Store(path + ".from-guest");
        link.ToGuest.Store(path + ".to-guest");
    }

    /// <summary>The port is no more: nothing of it is kept.</summary>
    public void Remove(Ports.PortSpec port)
    {
        foreach (string ending in (ReadOnlySpan<string>)[".in", ".out", ".from-guest", ".to-guest"])
        {
            _ = FileDescriptor.Unlink(PathOf(port) + ending);
        }
    }

    /// <summary>Gives the folder back; an empty one is removed.</summary>
    public void Dispose()
    {
        using FileStream? held = _lock;
        try
        {
            if (held is not null && Directory.EnumerateFileSystemEntries(_path).All(entry => Path.GetFileName(entry) == LockName))
            {
                Directory.Delete(_path, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody has removed it, as with all that belonged to the VM.
        }
    }

    /// <summary>Where only this user makes folders, if there is such a place.</summary>
    private static string RuntimeFolder()
        => FileOwnership.EffectiveUser == 0 ? (Directory.Exists("/run") ? "/run" : Path.GetTempPath())
            : Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } own && Path.IsPathRooted(own) && FileOwnership.WhyNotPrivate(own) is null ? own
            : Path.GetTempPath();

    private IOException NotMade(Exception e) => new($"{_path} cannot be made: {e.Message.TrimEnd('.')}; run vmchannel as QEMU's user", e);

    /// <summary>For reading and writing, as QEMU does: so no end is ever seen, and the bytes outlive QEMU.</summary>
    private static FileDescriptor Open(string path, out bool wasThere)
    {
        PosixResult made = NamedPipe.Create(path, OwnerOnly);
        wasThere = made.Error == Errno.Exists;
        if (!made.IsSuccess && !wasThere)
        {
            throw new IOException($"{path}: {made.Message}");
        }

        _ = FileDescriptor.Open(path, OpenFlags.ReadWrite | OpenFlags.NonBlocking, 0, out FileDescriptor? pipe).OrThrow(path);
        if (pipe!.Kind() != FileKind.Fifo)
        {
            pipe.Dispose();
            throw new IOException($"{path} is no pipe: remove it");
        }

        return pipe;
    }
}
