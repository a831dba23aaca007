using System.Globalization;

namespace VmChannel.Native;

/// <summary>The process at the other end of a unix socket, for people.</summary>
/// <param name="Pid">Its id; 0 when the system does not say.</param>
/// <param name="Name">Its name as the kernel has it; null when it cannot be read.</param>
public readonly record struct PeerProcess(int Pid, string? Name)
{
    /// <summary>The process with this id.</summary>
    public static PeerProcess Of(int pid) => new(pid, pid == 0 ? null : ReadName(pid));

    /// <summary>The process at the other end of a connected socket.</summary>
    public static PeerProcess At(FileDescriptor socket)
        => Of(UnixSocket.GetPeerCredentials(socket, out PeerCredentials peer).IsSuccess ? peer.Pid : 0);

    public override string ToString() => Name is null ? $"pid {Pid}" : $"{Name}, pid {Pid}";

    private static string? ReadName(int pid)
    {
        try
        {
            // At most 15 bytes, and whatever the process says: nothing that would confuse a terminal.
            string name = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/comm")).TrimEnd('\n');
            return string.Create(name.Length, name, static (safe, given) =>
            {
                for (int i = 0; i < safe.Length; i++)
                {
                    safe[i] = char.IsControl(given[i]) ? '?' : given[i];
                }
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
