namespace VmChannel.SystemTests.Rig;

/// <summary>The published programs under test.</summary>
internal static class Executables
{
    /// <summary>VMCHANNEL of the environment, or the repository's own out folder.</summary>
    public static string VmChannel { get; } = Existing(Environment.GetEnvironmentVariable("VMCHANNEL") ?? Path.Combine(Repository, "out", "vmchannel"));

    public static string VmChannelGuest { get; } = Existing(Path.Combine(Path.GetDirectoryName(VmChannel)!, "vmchannel-guest"));

    /// <summary>The tests' agent as native code.</summary>
    public static string GuestAgent => Existing(Path.Combine(Repository, "out", "agent", "guest-agent"));

    /// <summary>The sample of a web server as native code.</summary>
    public static string HttpService => Existing(Path.Combine(Repository, "out", "agent", "http-service"));

    public static string Repository
    {
        get
        {
            string folder = AppContext.BaseDirectory;
            while (!File.Exists(Path.Combine(folder, "VmChannel.slnx")))
            {
                folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("these tests run inside the repository");
            }

            return folder;
        }
    }

    private static string Existing(string path) =>
        File.Exists(path) ? Path.GetFullPath(path) : throw new FileNotFoundException($"{path} is missing: publish it with scripts/build, or set VMCHANNEL");
}
