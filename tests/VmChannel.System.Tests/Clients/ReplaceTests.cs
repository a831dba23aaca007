using System.Net;
using VmChannel.SystemTests.Rig;
using VmChannel.Testing;

namespace VmChannel.SystemTests.Clients;

/// <summary><c>vmchannel set</c> gives a port another host end while its guest goes on.</summary>
public abstract class ReplaceTests(Machine machine, int parts) : GuestTests(machine)
{
    [Fact]
    public async Task Set_FromUnixToTcpInMidTransfer_LosesNothingEitherWay()
    {
        string path = await PlugAsync("test.moved", $"char=unix:{Machine.File("moved.sock")},server");
        await using EventTrail trail = await EventTrail.StartAsync(Machine.Serve);
        Pattern up = new("moved-up", parts);
        Pattern down = new("moved-down", parts);

        // While nobody is there a read ends early, as at the end of a file: the program goes on, with the port still open.
        string script = $$"""
            exec 5<>{{path}}
            {{up.GuestWriter}} >&5 &
            : >/tmp/moved
            while ((rest = {{down.Length}} - $(wc -c </tmp/moved))); do
                head -c $rest <&5 >>/tmp/moved
                sleep 0.02
            done
            wait
            cksum </tmp/moved
            rm /tmp/moved
            """;
        Task<string> guest = Guest.RunAsync(script, Patience.Long);
        long position;
        int tcpPort;
        using (ChannelClient before = Machine.ConnectFile("moved.sock"))
        {
            // More is on its way up and down when the host end changes: all of it counts.
            Task sender = down.WriteAsync(before.Stream, 0, down.Length / 3);
            position = await up.CheckAsync(before.Stream, 0, up.Length / 3);
            await sender;
            tcpPort = TcpPort.Free();
            await SetAsync("test.moved", $"char=tcp:127.0.0.1:{tcpPort},server");
            position = await up.CheckAsync(before.Stream, position);
        }

        Assert.InRange(position, up.Length / 3, up.Length - 1);
        using ChannelClient after = ChannelClient.Connect(new IPEndPoint(IPAddress.Loopback, tcpPort));
        Task rest = down.WriteAsync(after.Stream, down.Length / 3);
        Assert.Equal(up.Length, await up.CheckAsync(after.Stream, position));
        await rest;
        Assert.Equal(await down.ChecksumAsync(), await guest);

        // The guest opened it once, and nobody closed it under its hands.
        Assert.Equal(1, trail.All.Count(told => told is { Protocol: "test.moved", Kind: "guest-opened" }));
        Assert.False(Path.Exists(Machine.File("moved.sock")));
        await UnplugAsync("test.moved");
    }
}

[Collection<UmlTests>]
public sealed class ReplaceOnUmlTests(UmlMachine machine) : ReplaceTests(machine, parts: 6);

[Collection<QemuTests>]
public sealed class ReplaceOnQemuTests(QemuMachine machine) : ReplaceTests(machine, parts: 3);
