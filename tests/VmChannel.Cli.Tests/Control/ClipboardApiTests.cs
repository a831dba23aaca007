using System.Net;
using System.Text;
using VmChannel.Control;
using Xunit;

namespace VmChannel.Cli.Tests.Control;

/// <summary>The clipboard over the control API, without a guest: what the host offers.</summary>
public sealed class ClipboardApiTests : IAsyncLifetime
{
    private const string Port = "clipboard";

    private readonly ControlRig _rig = new();

    private ControlClient Client => _rig.Client;

    public async ValueTask InitializeAsync()
        => _ = await _rig.AddAsync(
            "web", "port=1,protocol=org.qemu.clipboard,max-size=1M", "port=2,protocol=test.oneway,service=clipboard,direction=guest-to-host",
            "port=3,protocol=test.echo,service=echo");

    public async ValueTask DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task Copy_ThenPaste_GivesTheBytesAndTheirForm()
    {
        byte[] image = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i % 251))];
        ClipboardInfo info = await CopyAsync(image, "image/png", ClipboardSelection.Primary);
        Assert.Equal((ClipboardSelection.Primary, ClipboardOwner.Host), (info.Selection, info.Owner));
        Assert.Equal(["png"], info.Types);

        (byte[] bytes, string mediaType) = await PasteAsync(ClipboardSelection.Primary, null);
        Assert.Equal(image, bytes);
        Assert.Equal("image/png", mediaType);
        IReadOnlyList<ClipboardInfo> all = await Client.GetClipboardAsync("web", Port, ControlRig.Cancellation);
        Assert.Equal([ClipboardOwner.Nobody, ClipboardOwner.Host, ClipboardOwner.Nobody], all.Select(one => one.Owner));

        Assert.Equal(ClipboardOwner.Nobody, (await Client.ClearClipboardAsync("web", Port, ClipboardSelection.Primary, ControlRig.Cancellation)).Owner);
        Assert.Equal(404, await StatusAsync(() => PasteAsync(ClipboardSelection.Primary, null)));
    }

    [Fact]
    public async Task Copy_UpToTheLimit_IsTakenAndOneByteMoreIsNot()
    {
        byte[] most = Encoding.UTF8.GetBytes(new string('x', 1024 * 1024));
        _ = await CopyAsync(most);
        Assert.Equal(413, await StatusAsync(() => CopyAsync([.. most, (byte)'x'])));
        using UnsizedStream unknown = new([.. most, (byte)'x']);
        Assert.Equal(413, await StatusAsync(() => Client.CopyAsync("web", Port, unknown, cancellationToken: ControlRig.Cancellation)));
        Assert.Equal(most, (await PasteAsync()).Bytes);
    }

    /// <summary>There is no guest here that could take one; that comes before the file is read.</summary>
    [Fact]
    public async Task SendFile_NobodyTakesIt_SaysWhy()
    {
        Assert.Equal(503, await StatusAsync(() => SendAsync(Port, "a.txt")));
        Assert.Equal(403, await StatusAsync(() => SendAsync("oneway", "a.txt")));
        Assert.Equal(409, await StatusAsync(() => SendAsync("echo", "a.txt")));
        Assert.Equal(400, await StatusAsync(() => SendAsync(Port, "../a.txt")));
        Assert.Equal(400, await StatusAsync(() => SendAsync(Port, "")));

        Task SendAsync(string port, string name)
            => Client.SendFileAsync("web", port, name, new MemoryStream(new byte[1_000_000]), 1_000_000, ControlRig.Cancellation);
    }

    [Fact]
    public async Task Requests_ThatMakeNoSense_SayWhatDoes()
    {
        Assert.Equal(415, await StatusAsync(() => CopyAsync("<b>"u8.ToArray(), "text/html")));
        Assert.Equal(422, await StatusAsync(() => CopyAsync([0xFF, 0xFE])));
        Assert.Equal(403, await StatusAsync(() => Client.CopyAsync("web", "oneway", new MemoryStream([1]), cancellationToken: ControlRig.Cancellation)));
        Assert.Equal(409, await StatusAsync(() => Client.GetClipboardAsync("web", "echo", ControlRig.Cancellation)));
        _ = await CopyAsync("text"u8.ToArray());
        Assert.Equal(404, await StatusAsync(() => PasteAsync(ClipboardSelection.Clipboard, "png")));
        Assert.Equal(400, await StatusAsync(() => PasteAsync(ClipboardSelection.Clipboard, "html")));
        using HttpResponseMessage answer = await _rig.Http.GetAsync(new Uri("v1/vms/web/ports/1/clipboard/tertiary", UriKind.Relative), ControlRig.Cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task Watch_TellsStatesThenChanges_AndEndsWithThePort()
    {
        await using IAsyncEnumerator<ClipboardInfo> changes = Client.WatchClipboardAsync("web", Port, ControlRig.Cancellation).GetAsyncEnumerator(ControlRig.Cancellation);
        for (int selection = 0; selection < 3; selection++)
        {
            Assert.True(await changes.MoveNextAsync());
            Assert.Equal(ClipboardOwner.Nobody, changes.Current.Owner);
        }

        ClipboardInfo copied = await CopyAsync("text"u8.ToArray());
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal((ClipboardSelection.Clipboard, ClipboardOwner.Host, copied.Change), (changes.Current.Selection, changes.Current.Owner, changes.Current.Change));

        _ = await Client.UnplugAsync("web", Port, ControlRig.Cancellation);
        while (await changes.MoveNextAsync())
        {
            Assert.Equal(ClipboardOwner.Nobody, changes.Current.Owner);
        }
    }

    private Task<ClipboardInfo> CopyAsync(byte[] bytes, string mediaType = "text/plain", ClipboardSelection selection = ClipboardSelection.Clipboard)
        => Client.CopyAsync("web", Port, new MemoryStream(bytes), mediaType, selection, ControlRig.Cancellation);

    private async Task<(byte[] Bytes, string MediaType)> PasteAsync(ClipboardSelection selection = ClipboardSelection.Clipboard, string? type = null)
    {
        using ClipboardData data = await Client.PasteAsync("web", Port, selection, type, ControlRig.Cancellation);
        using MemoryStream bytes = new();
        await data.Content.CopyToAsync(bytes, ControlRig.Cancellation);
        Assert.Equal(data.Length, bytes.Length);
        return (bytes.ToArray(), data.MediaType);
    }

    private static async Task<int?> StatusAsync(Func<Task> call) => (await Assert.ThrowsAsync<ControlException>(call)).Problem?.Status;

    /// <summary>As standard input is: nobody knows how much comes.</summary>
    private sealed class UnsizedStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
