using System.Net;
using System.Net.Sockets;
using VmChannel.Cli.Serve;
using VmChannel.Device.Channels;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Cli.Tests.Serve;

public sealed class PortChangeTests
{
    [Theory]
    [InlineData("tls=on")]
    [InlineData("tls=on,rate=1M,logfile=")]
    public async Task Change_HostEndThatNobodyAnswers_LeavesThePortAndItsLogAsTheyWere(string options)
    {
        await using ServerRig rig = new();
        VmHost vm = await rig.AddAsync("one", $"port=1,protocol=test.a,service=echo,logfile={rig.File("a.log")}");
        await File.WriteAllTextAsync(rig.File("a.log"), "before", ServerRig.Cancellation);
        ServedPort before = vm.Ports[1]!;
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        string log = options.EndsWith('=') ? rig.File("b.log") : "";

        Task<ServedPort> change = vm.ChangeAsync(
            1, $"char=tcp:127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port},{options}{log}", ServerRig.Cancellation);
        (await listener.AcceptSocketAsync(ServerRig.Cancellation)).Dispose();

        HostEndException failed = await Assert.ThrowsAsync<HostEndException>(() => change);
        Assert.Contains("cannot connect", failed.Message, StringComparison.Ordinal);
        Assert.Equal(before, vm.Ports[1]);
        Assert.True(before.Port.HostEnd.IsOpen);
        Assert.Equal("before", await File.ReadAllTextAsync(rig.File("a.log"), ServerRig.Cancellation));
        Assert.False(File.Exists(rig.File("b.log")));
    }

    [Fact]
    public async Task Change_LogFileThatCannotBeOpened_LeavesTheOldOneAndTheHostEnd()
    {
        await using ServerRig rig = new();
        VmHost vm = await rig.AddAsync("one", $"port=1,protocol=test.a,service=echo,logfile={rig.File("a.log")}");
        await File.WriteAllTextAsync(rig.File("a.log"), "before", ServerRig.Cancellation);
        ServedPort before = vm.Ports[1]!;

        _ = await Assert.ThrowsAsync<HostEndException>(
            () => vm.ChangeAsync(1, $"char=unix:{rig.File("a.sock")},server,logfile=/nowhere/log", ServerRig.Cancellation));

        Assert.Equal(before, vm.Ports[1]);
        Assert.Equal("before", await File.ReadAllTextAsync(rig.File("a.log"), ServerRig.Cancellation));
        Assert.False(File.Exists(rig.File("a.sock")));
    }

    [Fact]
    public async Task Change_ClientsOfAServer_KeepsItsSocketAndWhoIsConnected()
    {
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        const UnixFileMode All = Owner | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        await using ServerRig rig = new();
        string path = rig.File("a.sock");
        VmHost vm = await rig.AddAsync("one", $"port=1,protocol=test.a,char=unix:{path},server");
        using Socket first = Connect(path);
        ServedPort before = vm.Ports[1]!;
        Assert.Equal(Owner, File.GetUnixFileMode(path));

        string own = $"uid:{Native.FileOwnership.EffectiveUser}";
        ServedPort changed = await vm.ChangeAsync(1, $"char=unix:{path},server,clients=3,mode=broadcast,allow={own}", ServerRig.Cancellation);
        using Socket second = Connect(path);
        using Socket third = Connect(path);

        Assert.Same(before.Port, changed.Port);
        Assert.Equal(All, File.GetUnixFileMode(path));
        while (changed.Port.Clients.Count < 2)
        {
            await Task.Delay(10, ServerRig.Cancellation);
        }

        Assert.True(before.Port.HostEnd.IsOpen);
        _ = await vm.ChangeAsync(1, $"char=unix:{path},server", ServerRig.Cancellation);
        Assert.Equal(Owner, File.GetUnixFileMode(path));
        Assert.Equal(2, changed.Port.Clients.Count);
    }

    [Fact]
    public async Task Change_ServerAtTheSamePlace_GoesOnWithItsLog()
    {
        await using ServerRig rig = new();
        int port = TcpPort.Free();
        VmHost vm = await rig.AddAsync("one", $"port=1,protocol=test.a,char=tcp:127.0.0.1:{port},server,logfile={rig.File("a.log")}");
        await File.WriteAllTextAsync(rig.File("a.log"), "before", ServerRig.Cancellation);
        ServedPort before = vm.Ports[1]!;

        ServedPort changed = await vm.ChangeAsync(
            1, $"char=tcp:127.0.0.1:{port},server,nodelay=on", ServerRig.Cancellation);

        Assert.NotSame(before.Port, changed.Port);
        Assert.Equal("before", await File.ReadAllTextAsync(rig.File("a.log"), ServerRig.Cancellation));
    }

    [Fact]
    public async Task Change_NeitherTheNewNorTheOldCanBeHad_FreesNumberAndName()
    {
        await using ServerRig rig = new();
        int port = TcpPort.Free();
        string folder = Directory.CreateDirectory(rig.File("logs")).FullName;
        VmHost vm = await rig.AddAsync("one", $"port=1,protocol=test.a,char=tcp:127.0.0.1:{port},server,logfile={folder}/a.log");
        Directory.Delete(folder, recursive: true);

        HostEndException gone = await Assert.ThrowsAsync<HostEndException>(
            () => vm.ChangeAsync(1, $"char=tcp:127.0.0.1:{port},server,nodelay=on", ServerRig.Cancellation));

        Assert.Contains("is gone, plug it in again", gone.Message, StringComparison.Ordinal);
        _ = await vm.PlugAsync(ServerRig.Request("port=1,protocol=test.a,service=echo"), ServerRig.Cancellation);
    }

    [Fact]
    public async Task LogFile_OfAnotherVm_IsRefusedUntilThatLetsGo()
    {
        await using ServerRig rig = new();
        string log = rig.File("a.log");
        VmHost one = await rig.AddAsync("one", $"port=1,protocol=test.a,service=echo,logfile={log}");
        VmHost two = await rig.AddAsync("two", "port=1,protocol=test.a,service=echo");
        string plug = $"port=2,protocol=test.b,service=echo,logfile={log}";

        PortConflictException refused = await Assert.ThrowsAsync<PortConflictException>(
            () => two.PlugAsync(ServerRig.Request(plug), ServerRig.Cancellation));
        _ = await Assert.ThrowsAsync<PortConflictException>(() => two.ChangeAsync(1, $"logfile={log}", ServerRig.Cancellation));
        _ = await Assert.ThrowsAsync<PortConflictException>(() => rig.AddAsync("three", $"port=1,protocol=test.a,service=echo,logfile={log}"));

        Assert.Contains("is written for port 1 of VM one already", refused.Message, StringComparison.Ordinal);
        _ = await one.ChangeAsync(1, $"logfile={rig.File("b.log")}", ServerRig.Cancellation);
        _ = await two.PlugAsync(ServerRig.Request(plug), ServerRig.Cancellation);
        Assert.True(await two.UnplugAsync(2, ServerRig.Cancellation));
        _ = await rig.AddAsync("three", $"port=1,protocol=test.a,service=echo,logfile={log}");
        Assert.True(await rig.Server.RemoveAsync("three", ServerRig.Cancellation));
        _ = await two.ChangeAsync(1, $"logfile={log}", ServerRig.Cancellation);
    }

    private static Socket Connect(string path)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return socket;
    }
}
