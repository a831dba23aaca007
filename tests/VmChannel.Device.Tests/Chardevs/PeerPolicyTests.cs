using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using VmChannel.Device.Channels;
using VmChannel.Device.Chardevs;
using VmChannel.Device.Events;
using VmChannel.Device.Ports;
using VmChannel.Native;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Chardevs;

/// <summary><c>allow=</c>: by itself, and on a real socket with processes of other users.</summary>
public sealed class PeerPolicyTests : IDisposable
{
    private const uint Stranger = 54_321;
    private const uint StrangersGroup = 54_322;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("uid:7", true)]
    [InlineData("uid:6/uid:7", true)]
    [InlineData("gid:8", true)]
    [InlineData("gid:9", true)]
    [InlineData("gid:11/gid:10", true)]
    [InlineData("uid:8/gid:7", false)]
    [InlineData("uid:0/gid:0", false)]
    public void Admits_UserOrAnyGroup_IsEnough(string rules, bool expected)
    {
        Assert.True(PeerPolicy.TryParse(rules, out PeerPolicy? policy, out string? error), error);
        Assert.Equal(expected, policy.Admits(new PeerCredentials(1, 7, 8), [9, 10]));
    }

    [Fact]
    public void TryParse_TooManyRules_IsRefused()
    {
        Assert.False(PeerPolicy.TryParse(string.Join('/', Enumerable.Repeat("uid:1", 65)), out _, out string? error));
        Assert.Contains("at most 64 rules", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Server_ClientOfTheListedUser_IsServed()
    {
        using ChardevRig rig = ChardevRig.Started($"unix:{_folder["s"]},server,allow=uid:{Me().Uid}");
        using Socket client = UnixServerTests.Connect(_folder["s"]);
        client.Send("x"u8);
        rig.WaitReceived(1);
    }

    [Fact]
    public void Server_ClientOfASupplementaryGroup_IsServed()
    {
        (PeerCredentials me, uint[] groups) = (Me(), MyGroups());
        uint group = groups.Length == 0 ? me.Gid : groups[^1];
        using ChardevRig rig = ChardevRig.Started($"unix:{_folder["s"]},server,allow=gid:{group}");
        using Socket client = UnixServerTests.Connect(_folder["s"]);
        client.Send("x"u8);
        rig.WaitReceived(1);
    }

    [Fact]
    public void Server_WeAreNotListed_RefusesUsTellsWhoAndTakesTheNext()
    {
        PeerCredentials me = Me();
        using ChardevRig rig = ChardevRig.Started($"unix:{_folder["s"]},server,allow=uid:{Stranger}");
        for (int i = 1; i <= 40; i++)
        {
            using Socket client = UnixServerTests.Connect(_folder["s"]);
            client.ReceiveTimeout = 20_000;
            Assert.Equal(0, client.Receive(new byte[1]));
            int refused = i;
            rig.WaitFor(() => rig.End.RefusedPeers == refused, "the count");
        }

        Assert.False(rig.On(() => rig.End.IsOpen));
        Assert.DoesNotContain(true, rig.On(() => rig.OpenHistory.ToArray()));
        string[] lines = [.. rig.Log.Lines.Where(line => line.Contains("refused process", StringComparison.Ordinal))];
        Assert.InRange(lines.Length, 1, 10);
        Assert.Contains($"process {me.Pid} (user {me.Uid}, group {me.Gid}): it is not among allow=uid:{Stranger}", lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Port_StrangerRefused_TellsAnEventEachTime()
    {
        EventJournal journal = new();
        using LoopThread thread = new(new LogLines());
        Assert.True(ChardevOptions.TryParse($"unix:{_folder["s"]},server,allow=uid:{Stranger}", out ChardevSpec? spec, out string? error), error);
        using HostEnd end = ChardevFactory.Create(spec, thread.Loop, new LogLines());
        using Port port = new(new PortSpec(1, "a"), end, thread.Loop, new LogLines(), new VmJournal(journal, "vm"));
        thread.Invoke(port.Start);
        for (int i = 1; i <= 3; i++)
        {
            using Socket client = UnixServerTests.Connect(_folder["s"]);
            client.ReceiveTimeout = 20_000;
            Assert.Equal(0, client.Receive(new byte[1]));
            int told = i;
            Wait.Until(() => journal.Last == told, "an event");
            Assert.True(journal.TryRead(i - 1, out JournalEntry entry));
            Assert.Equal(DeviceEventKind.PeerRefused, entry.Event.Kind);
            Assert.Contains($"is not among allow=uid:{Stranger}", entry.Event.Cause, StringComparison.Ordinal);
        }

        thread.Invoke(port.Dispose);
    }

    [Fact]
    public void Server_WithAPolicy_LetsEveryUserConnect()
    {
        const UnixFileMode All = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        using ChardevRig open = ChardevRig.Started($"unix:{_folder["open"]},server,allow=uid:0");
        Assert.Equal(All, File.GetUnixFileMode(_folder["open"]));
    }

    /// <summary>Needs root, who alone can become somebody else.</summary>
    [Theory]
    [InlineData("uid:54321", true)]
    [InlineData("gid:54321", true)]
    [InlineData("gid:54322", true)]
    [InlineData("uid:0/gid:0", false)]
    [InlineData("uid:54322", false)]
    public void Server_ClientOfAnotherUser_IsServedWhenListed(string rules, bool expected)
    {
        Assert.SkipUnless(Me().Uid == 0 && File.Exists("/usr/bin/perl") && File.Exists("/usr/bin/setpriv"), "needs root, setpriv and perl");
        File.SetUnixFileMode(_folder[""], (UnixFileMode)0x1ED);
        using ChardevRig rig = ChardevRig.Started($"unix:{_folder["s"]},server,allow={rules}");
        using Process client = Process.Start(new ProcessStartInfo(
            "/usr/bin/setpriv",
            [
                $"--reuid={Text(Stranger)}", $"--regid={Text(Stranger)}", $"--groups={Text(StrangersGroup)}", "--",
                "/usr/bin/perl", "-MIO::Socket::UNIX", "-e",
                "$s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die \"connect: $!\"; sysread($s, $got, 100); print \"got $got\";", _folder["s"],
            ])
        { RedirectStandardOutput = true, WorkingDirectory = "/" })!;
        if (expected)
        {
            rig.WaitOpen();
            Assert.Contains($"user {Stranger}", rig.On(() => rig.End.Detail), StringComparison.Ordinal);
            rig.Send("hello"u8.ToArray());
        }

        string output = client.StandardOutput.ReadToEnd();
        client.WaitForExit();
        Assert.Equal(0, client.ExitCode);
        Assert.Equal(expected ? "got hello" : "got ", output);
        Assert.Equal(expected ? 0 : 1, rig.On(() => rig.End.RefusedPeers));
    }

    private static string Text(uint id) => id.ToString(CultureInfo.InvariantCulture);

    private static PeerCredentials Me()
    {
        (FileDescriptor first, FileDescriptor second) = UnixSocket.Pair();
        using (first)
        using (second)
        {
            Assert.True(UnixSocket.GetPeerCredentials(first, out PeerCredentials me).IsSuccess);
            return me;
        }
    }

    private static uint[] MyGroups()
    {
        (FileDescriptor first, FileDescriptor second) = UnixSocket.Pair();
        using (first)
        using (second)
        {
            Assert.True(UnixSocket.GetPeerGroups(first, out uint[] groups).IsSuccess);
            return groups;
        }
    }
}
