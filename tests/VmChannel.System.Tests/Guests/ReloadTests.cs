using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Guests;

/// <summary>The configuration file of a server changes while a guest is busy.</summary>
public sealed class ReloadTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Reload_UnderLoad_LosesNothingOfAnUnchangedPort()
    {
        const int Rounds = 6;
        string file = _folder.File("host.toml");
        await WriteAsync("");
        await using ServeProcess serve = await ServeProcess.StartFileAsync(_folder, file);
        await using Guest guest = await UmlGuest.BootAsync(serve);
        await guest.UntilAsync($"[ -e {Machine.PathOf(Machine.Held)} ]");
        Pattern pattern = new("reload", 3 * Rounds);
        using ChannelClient client = ChannelClient.Connect(_folder.File("held.sock"));
        Task<string> writer = guest.RunAsync($"{pattern.GuestWriter} > {Machine.PathOf(Machine.Held)}", Patience.Long);
        long position = 0;
        for (int round = 1; round <= Rounds; round++)
        {
            position = await pattern.CheckAsync(client.Stream, position, pattern.Length * round / (Rounds + 1));
            bool isOdd = round % 2 == 1;
            await WriteAsync(isOdd ? $"[[vm.one.port]]\nport = 7\nprotocol = \"{Machine.Spare}\"\nchar = \"unix:{_folder.File("spare.sock")},server\"\n" : "");
            serve.Process.Signal(PosixSignalNumber.HangUp);
            await Patience.UntilAsync(() => serve.Log.CountOf("read again") == round, serve.Log.ToString);
            await guest.UntilAsync($"[ {(isOdd ? "" : "! ")}-e {Machine.PathOf(Machine.Spare)} ]");
        }

        Assert.Equal(pattern.Length, await pattern.CheckAsync(client.Stream, position));
        await writer;
        Assert.Equal(Rounds, serve.Log.CountOf("ports untouched: 1"));
        Assert.Equal(0, await serve.StopAsync());

        Task WriteAsync(string more) => File.WriteAllTextAsync(
            file,
            $"control = \"{_folder.File("control.sock")}\"\n[vm.one]\nvhost-user = \"{_folder.File("device.sock")}\"\n"
                + $"[[vm.one.port]]\nport = 2\nprotocol = \"{Machine.Held}\"\nchar = \"unix:{_folder.File("held.sock")},server\"\n{more}",
            TestContext.Current.CancellationToken);
    }
}
