using System.Net.Sockets;
using VmChannel.Cli.Doctor;
using VmChannel.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Doctor;

public sealed class MachineCheckTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("vmch").FullName;

    private string Folder => Path.Combine(_root, "own");

    private string Other => Path.Combine(_root, "other");

    [Fact]
    public void Find_NothingThere_SaysThatNoServerRuns()
    {
        FindingInfo finding = Assert.Single(new MachineCheck(Folder, [Other]).Find(looksInFolder: true, isServed: false));

        Assert.Equal((FindingSeverity.Error, "no-server"), (finding.Severity, finding.Code));
    }

    [Fact]
    public void Find_ServersElsewhere_SaysWhere()
    {
        _ = Directory.CreateDirectory(Other);
        File.WriteAllText(ServerFolder.SocketOf(Other, "web"), "");

        FindingInfo finding = Assert.Single(new MachineCheck(Folder, [Other]).Find(looksInFolder: true, isServed: false));

        Assert.Equal((FindingSeverity.Warning, "servers-elsewhere"), (finding.Severity, finding.Code));
        Assert.Contains(Other, finding.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_SocketOfAKilledServer_IsToldFromALivingOne()
    {
        _ = Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using (Socket killed = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            killed.Bind(new UnixDomainSocketEndPoint(Path.Combine(_root, "killed")));
            killed.Listen();
            File.Move(Path.Combine(_root, "killed"), ServerFolder.SocketOf(Folder, "killed"));
        }

        using Socket living = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        living.Bind(new UnixDomainSocketEndPoint(ServerFolder.SocketOf(Folder, "living")));
        living.Listen();

        FindingInfo finding = Assert.Single(new MachineCheck(Folder, []).Find(looksInFolder: true, isServed: true));

        Assert.Equal((FindingSeverity.Note, "stale-socket"), (finding.Severity, finding.Code));
        Assert.Contains("killed.sock", finding.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_FolderOthersMayWriteTo_IsAnError()
    {
        _ = Directory.CreateDirectory(Folder);
        File.SetUnixFileMode(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite);

        FindingInfo finding = Assert.Single(new MachineCheck(Folder, []).Find(looksInFolder: true, isServed: true));

        Assert.Equal((FindingSeverity.Error, "folder-not-private", $"chmod 700 {Folder}"), (finding.Severity, finding.Code, finding.Fix));
    }

    [Fact]
    public void Find_AtAnAddressWithVms_HasNothingToSay() => Assert.Empty(new MachineCheck(Folder, []).Find(looksInFolder: false, isServed: true));

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
