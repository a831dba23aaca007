using System.Collections;
using System.Globalization;
using VmChannel.Guest;
using VmChannel.Native;

namespace VmChannel.GuestTool.Handlers;

/// <summary>The program that handles a channel, found once and started for each host.</summary>
internal sealed class HandlerProgram
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private readonly string _path;
    private readonly string[] _argv;

    private HandlerProgram(string path, string[] argv)
    {
        _path = path;
        _argv = argv;
    }

    /// <summary>Its name as it was given.</summary>
    public string Name => _argv[0];

    /// <summary>Looks for it as a shell does.</summary>
    /// <param name="argv">Its name or path, and its arguments.</param>
    /// <param name="reason">Why there is none, for people.</param>
    public static HandlerProgram? Find(string[] argv, out string? reason)
    {
        reason = null;
        IEnumerable<string> candidates = argv[0].Contains('/', StringComparison.Ordinal)
            ? [argv[0]]
            : (Environment.GetEnvironmentVariable("PATH") ?? DefaultPath).Split(':').Select(folder => Path.Join(folder.Length == 0 ? "." : folder, argv[0]));
        string? found = candidates.FirstOrDefault(File.Exists);
        if (found is null)
        {
            reason = $"run: no program {argv[0]}{(argv[0].Contains('/', StringComparison.Ordinal) ? "" : " in PATH")}; give its path after --";
            return null;
        }

        const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        if ((File.GetUnixFileMode(found) & Executable) == 0)
        {
            reason = $"run: {found} is not executable: chmod +x {found}";
            return null;
        }

        return new(found, argv);
    }

    /// <summary>Starts it, as the leader of a process group of its own.</summary>
    /// <returns>Its process id.</returns>
    /// <exception cref="IOException">It cannot be started.</exception>
    public int Start(ChannelStream channel, int generation, FileDescriptor input, FileDescriptor output)
    {
        PosixResult started = ChildProcess.Start(new(_path, _argv, EnvironmentOf(channel, generation), Environment.CurrentDirectory)
        {
            Input = input,
            Output = output,
            Error = FileDescriptor.Borrow(2),
        });
        return started.IsSuccess ? (int)started.Value
            : throw new IOException($"{channel.Name}: cannot start {_path}: {(started.Error == Errno.ExecFormat ? "it is neither a program nor a script that begins with #!" : started.Message)}");
    }

    private static List<string> EnvironmentOf(ChannelStream channel, int generation)
    {
        Dictionary<string, string> own = [];
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            own[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        // Whoever started us waits to hear from us.
        _ = own.Remove(NotifySocket.Variable);
        own["VMCHANNEL_NAME"] = channel.Name;
        own["VMCHANNEL_TRANSPORT"] = channel.Transport switch
        {
            ChannelTransport.VirtioSerial => "virtio-serial",
            ChannelTransport.UsbSerial => "usb-serial",
            _ => "unix-socket",
        };
        own["VMCHANNEL_DEVICE"] = channel.DevicePath;
        own["VMCHANNEL_GENERATION"] = generation.ToString(CultureInfo.InvariantCulture);
        return [.. own.Select(variable => $"{variable.Key}={variable.Value}")];
    }
}
