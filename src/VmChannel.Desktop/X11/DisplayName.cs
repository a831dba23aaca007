using System.Globalization;
using VmChannel.Native;
using VmChannel.Wire.X11;

namespace VmChannel.Desktop.X11;

/// <summary>Where a display of this machine is, as <c>DISPLAY</c> says it: <c>:0</c>, <c>:0.0</c>, <c>unix:0</c>.</summary>
/// <remarks>X(7), "Display names". Other machines' displays are their own guests' business.</remarks>
internal sealed class DisplayName
{
    private const string Folder = "/tmp/.X11-unix/X";

    private readonly int _number;

    private DisplayName(string text, int number)
    {
        Text = text;
        _number = number;
    }

    public string Text { get; }

    /// <exception cref="IOException">It is none of this machine.</exception>
    public static DisplayName Parse(string text)
    {
        string rest = text.StartsWith("unix:", StringComparison.Ordinal) ? text[4..] : text;
        string number = rest.StartsWith(':') ? rest[1..].Split('.')[0] : "";
        return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int parsed)
            ? new(text, parsed)
            : throw new IOException($"'{text}' is no display of this machine; one is called :0, as DISPLAY says in a session");
    }

    /// <summary>Connects, and waits in reads and writes from then on.</summary>
    internal FileDescriptor Connect()
    {
        string path = Folder + _number.ToString(CultureInfo.InvariantCulture);
        FileDescriptor? socket = null;
        PosixResult result = default;
        foreach (bool isAbstract in new[] { false, true })
        {
            if (socket is null && UnixAddress.TryCreate(path, isAbstract, isTight: true, out UnixAddress? address, out _))
            {
                result = StreamSocket.Connect(address, out socket);
            }
        }

        _ = (socket?.SetNonBlocking(false) ?? result).OrThrow($"there is no display {Text} here ({path})");
        return socket!;
    }

    /// <summary>What lets us in; empty when no file says it.</summary>
    internal byte[] Cookie()
    {
        const int MaxFileBytes = 1024 * 1024;
        string? home = Environment.GetEnvironmentVariable("HOME");
        string? file = Environment.GetEnvironmentVariable("XAUTHORITY") is { Length: > 0 } named ? named : home is null ? null : Path.Combine(home, ".Xauthority");
        try
        {
            return file is not null && new FileInfo(file) is { Exists: true, Length: < MaxFileBytes }
                ? DisplayCookie.Find(File.ReadAllBytes(file), Environment.MachineName, _number)
                : [];
        }
        catch (Exception e) when (e is FileNotFoundException or UnauthorizedAccessException)
        {
            // xauth(1) removes it before the new one has its name.
            return [];
        }
    }
}
