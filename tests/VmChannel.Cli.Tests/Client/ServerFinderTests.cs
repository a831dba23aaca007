using System.Net.Sockets;
using VmChannel.Cli.Client;
using VmChannel.Cli.Tests.Control;
using VmChannel.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Client;

public sealed class ServerFinderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmch").FullName;

    [Fact]
    public async Task Find_TheOnlyVm_NeedsNoName()
    {
        await using NamedServer server = new(_folder);
        await server.AddAsync("web");

        VmTarget target = await Finder().FindAsync(null, ControlRig.Cancellation);

        Assert.Equal("web", target.Vm);
        Assert.Equal("web", (await target.Client.GetVmAsync(target.Vm, ControlRig.Cancellation)).Name);
        target.Client.Dispose();
    }

    [Fact]
    public async Task Find_OneOfSeveral_NeedsItsName()
    {
        await using NamedServer first = new(_folder);
        await first.AddAsync("web");
        await first.AddAsync("db");
        await using NamedServer second = new(_folder);
        await second.AddAsync("mail");

        ControlException which = await Assert.ThrowsAsync<ControlException>(() => Finder().FindAsync(null, ControlRig.Cancellation));
        VmTarget mail = await Finder().FindAsync("mail", ControlRig.Cancellation);

        Assert.Contains("which VM?", which.Message, StringComparison.Ordinal);
        Assert.Equal("mail", (await mail.Client.GetVmAsync("mail", ControlRig.Cancellation)).Name);
        Assert.Equal(2, (await Finder().ListAsync(ControlRig.Cancellation)).Count);
        mail.Client.Dispose();
    }

    [Fact]
    public async Task Find_UnknownVm_NamesTheOthers()
    {
        await using NamedServer server = new(_folder);
        await server.AddAsync("web");

        ControlException none = await Assert.ThrowsAsync<ControlException>(() => Finder().FindAsync("../web", ControlRig.Cancellation));

        Assert.Contains("no VM ../web is served; there is web", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_NobodyServes_SaysWhatToDo()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "dead.sock"), "", ControlRig.Cancellation);

        ControlException none = await Assert.ThrowsAsync<ControlException>(() => Finder().FindAsync(null, ControlRig.Cancellation));

        Assert.Contains("start one with vmchannel serve", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_ServerThatDoesNotAnswer_IsComplainedOfAndTheOthersAreThere()
    {
        await using NamedServer server = new(_folder);
        await server.AddAsync("web");
        using Socket hung = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        hung.Bind(new UnixDomainSocketEndPoint(ServerFolder.SocketOf(_folder, "hung")));
        hung.Listen();
        List<string> complaints = [];
        ServerFinder finder = new([_folder], null, null) { Complain = complaints.Add };

        (ControlClient client, IReadOnlyList<VmInfo> vms) = Assert.Single(await finder.ListAsync(ControlRig.Cancellation));

        Assert.Equal("web", Assert.Single(vms).Name);
        Assert.Contains("hung.sock: the server is there and does not answer", Assert.Single(complaints), StringComparison.Ordinal);
        client.Dispose();
    }

    [Fact]
    public async Task Find_InServicesFolders_AsWellAsInItsOwn()
    {
        string instance = Path.Combine(_folder, "host1", "vmchannel");
        await using NamedServer own = new(_folder);
        await own.AddAsync("web");
        _ = Directory.CreateDirectory(Path.Combine(_folder, "host1"));
        await using NamedServer service = new(instance);
        await service.AddAsync("db");
        Assert.Equal([instance], ServerFolder.OfServices(_folder));
        ServerFinder finder = new([_folder, .. ServerFolder.OfServices(_folder)], null, null);

        VmTarget db = await finder.FindAsync("db", ControlRig.Cancellation);

        Assert.Equal("db", (await db.Client.GetVmAsync("db", ControlRig.Cancellation)).Name);
        Assert.Equal(2, (await finder.ListAsync(ControlRig.Cancellation)).Count);
        Assert.Equal(["web", "db"], finder.Names());
        db.Client.Dispose();
    }

    [Fact]
    public async Task Claim_NameOfALivingServer_IsRefusedAndOfADeadOneTaken()
    {
        await using NamedServer first = new(_folder);
        await first.AddAsync("web");
        await using NamedServer second = new(_folder);
        IOException taken = await Assert.ThrowsAsync<IOException>(() => second.AddAsync("web"));
        Assert.Contains($"a VM named web is served already, by process {Environment.ProcessId}", taken.Message, StringComparison.Ordinal);

        // What a killed server leaves: a socket nobody listens on.
        using (System.Net.Sockets.Socket dead = new(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified))
        {
            dead.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Path.Combine(_folder, "real")));
            _ = Native.FileOwnership.Link(Path.Combine(_folder, "real"), ServerFolder.SocketOf(_folder, "db"));
        }

        await second.AddAsync("db");
        VmTarget target = await Finder().FindAsync("db", ControlRig.Cancellation);
        Assert.Equal("db", (await target.Client.GetVmAsync("db", ControlRig.Cancellation)).Name);
        target.Client.Dispose();
    }

    [Fact]
    public async Task Dispose_AServer_ItsNamesVanish()
    {
        NamedServer server = new(_folder);
        await server.AddAsync("web");
        Assert.Equal(["web"], Finder().Names());

        await server.DisposeAsync();

        Assert.Empty(Finder().Names());
        Assert.Empty(Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ServerFinder Finder() => new([_folder], null, null);
}
