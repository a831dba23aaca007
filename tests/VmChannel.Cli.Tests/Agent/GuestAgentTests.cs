using VmChannel.Control;
using VmChannel.Control.Agent;
using Xunit;

namespace VmChannel.Cli.Tests.Agent;

/// <summary>What an agent, or something that says it is one, can do to its client.</summary>
public sealed class GuestAgentTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ping_BehindStaleAnswers_FindsItsOwn()
    {
        await using AgentDouble guest = new();
        Task ping = guest.Agent.PingAsync(Cancellation);
        await guest.AcceptAsync();
        string number = await guest.ReadSyncAsync();
        await guest.SendAsync($"ta\": \"{new string('A', 300_000)}\"}}\n{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"stray\"}}}}\n");
        await guest.SendAsync($"\u00ff{{\"return\": 1}}\n{{\"return\": {number}}}\n\u00ff{{\"return\": {number}}}\n");
        Assert.Equal("""{"execute":"guest-ping"}""", await guest.ReadAsync());
        await guest.SendAsync("{\"return\": {}}\n");
        await ping;
    }

    [Fact]
    public async Task Ping_OfNobody_SaysSoAfterTheTimeout()
    {
        await using AgentDouble guest = new(TimeSpan.FromMilliseconds(100));
        AgentException e = await Assert.ThrowsAsync<AgentException>(() => guest.Agent.PingAsync(Cancellation));
        Assert.Equal("no answer from the guest agent in 0.1 s: is qemu-guest-agent running in the guest?", e.Message);
        Assert.Null(e.ErrorClass);
    }

    [Fact]
    public async Task Ping_OfAnAgentThatRestarts_IsAskedOnceMore()
    {
        await using AgentDouble guest = new();
        Task ping = guest.Agent.PingAsync(Cancellation);
        await guest.AcceptAsync();
        await guest.HangUpAsync();
        await guest.SyncAsync();
        _ = await guest.ReadAsync();
        await guest.SendAsync("{\"return\": {}}\n");
        await ping;
    }

    [Fact]
    public async Task Command_WhoseAgentEnds_FailsAndTheNextOneGetsANewSession()
    {
        await using AgentDouble guest = new();
        Task<AgentInfo> info = guest.Agent.InfoAsync(Cancellation);
        await guest.SyncAsync();
        _ = await guest.ReadAsync();
        await guest.HangUpAsync();
        AgentException e = await Assert.ThrowsAsync<AgentException>(() => info);
        Assert.Contains("ended before it had answered guest-info", e.Message, StringComparison.Ordinal);

        Task<FreezeState> state = guest.Agent.FreezeStateAsync(Cancellation);
        await guest.SyncAsync();
        _ = await guest.ReadAsync();
        await guest.SendAsync("{\"return\": \"frozen\"}\n");
        Assert.Equal(FreezeState.Frozen, await state);
    }

    [Fact]
    public async Task Command_ThatIsRefused_KeepsTheSession()
    {
        await using AgentDouble guest = new();
        Task<long> thaw = guest.Agent.ThawAsync(Cancellation);
        await guest.SyncAsync();
        _ = await guest.ReadAsync();
        await guest.SendAsync("{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\n");
        Assert.Equal("CommandNotFound", (await Assert.ThrowsAsync<AgentException>(() => thaw)).ErrorClass);

        thaw = guest.Agent.ThawAsync(Cancellation);
        _ = await guest.ReadAsync();
        await guest.SendAsync("{\"return\": 2}\n");
        Assert.Equal(2, await thaw);
    }

    [Fact]
    public async Task Command_BesideOthers_SkipsTheirAnswers()
    {
        await using AgentDouble guest = new(isBeside: true);
        Task<long> thaw = guest.Agent.ThawAsync(Cancellation);
        await guest.SyncAsync();
        string request = await guest.ReadAsync();
        string id = request[(request.LastIndexOf(':') + 1)..].TrimEnd('}');
        await guest.SendAsync("{\"return\": 1}\nhalf a line\n\u00ff{\"return\": 2}\n{\"return\": 3, \"id\": 4}\n{\"error\": {\"class\": \"x\", \"desc\": \"y\"}, \"id\": \"z\"}\n");
        await guest.SendAsync($"{{\"return\": 5, \"id\": {id}}}\n");
        Assert.Equal(5, await thaw);
    }

    [Theory]
    [InlineData("nonsense\n")]
    [InlineData("{\"return\": \"many\"}\n")]
    [InlineData("{\"return\": 1, \"error\": {}}\n")]
    [InlineData("{\"return\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}\n")]
    public async Task Answer_ThatMakesNoSense_IsRefused(string answer)
    {
        await using AgentDouble guest = new();
        Task<long> thaw = guest.Agent.ThawAsync(Cancellation);
        await guest.SyncAsync();
        _ = await guest.ReadAsync();
        await guest.SendAsync(answer);
        Assert.Contains("makes no sense", (await Assert.ThrowsAsync<AgentException>(() => thaw)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answer_WithoutEnd_IsRefusedBeforeItIsStored()
    {
        await using AgentDouble guest = new();
        Task<AgentInfo> info = guest.Agent.InfoAsync(Cancellation);
        await guest.SyncAsync();
        _ = await guest.ReadAsync();
        Task<long> flood = FloodAsync(guest);
        Assert.Contains("longer than", (await Assert.ThrowsAsync<AgentException>(() => info)).Message, StringComparison.Ordinal);

        // A line's limit, a buffer, and what the kernel keeps of a socket.
        Assert.InRange(await flood, 1 << 20, 8 << 20);

        static async Task<long> FloodAsync(AgentDouble guest)
        {
            string piece = new('a', 64 * 1024);
            for (long sent = 0; ; sent += piece.Length)
            {
                try
                {
                    await guest.SendAsync(piece);
                }
                catch (IOException)
                {
                    return sent;
                }
            }
        }
    }

    [Fact]
    public async Task File_WhoseBlockIsLongerThanAskedFor_IsRefused()
    {
        await using AgentDouble guest = new();
        Task<Stream> opening = guest.Agent.OpenFileAsync("/etc/passwd", AgentFileAccess.Read, Cancellation);
        await guest.SyncAsync();
        Assert.Equal("""{"execute":"guest-file-open","arguments":{"path":"/etc/passwd","mode":"rb"}}""", await guest.ReadAsync());
        await guest.SendAsync("{\"return\": 1000}\n");
        await using Stream file = await opening;
        Task<int> reading = file.ReadAsync(new byte[10], Cancellation).AsTask();
        string request = await guest.ReadAsync();
        int asked = int.Parse(request[(request.LastIndexOf(':') + 1)..].TrimEnd('}'), System.Globalization.CultureInfo.InvariantCulture);
        await guest.SendAsync($"{{\"return\": {{\"count\": {asked + 3}, \"buf-b64\": \"{new string('A', (asked + 3) / 3 * 4)}\", \"eof\": false}}}}\n");
        Assert.Contains("makes no sense", (await Assert.ThrowsAsync<AgentException>(() => reading)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task File_OfWhichTheAgentTakesAPart_GetsTheRest()
    {
        await using AgentDouble guest = new();
        Task<Stream> opening = guest.Agent.OpenFileAsync("/tmp/x", AgentFileAccess.Append, Cancellation);
        await guest.SyncAsync();
        Assert.Contains("\"mode\":\"ab\"", await guest.ReadAsync(), StringComparison.Ordinal);
        await guest.SendAsync("{\"return\": 7}\n");
        Stream file = await opening;
        await file.WriteAsync("hello"u8.ToArray(), Cancellation);
        Task closing = file.DisposeAsync().AsTask();
        Assert.Equal("""{"execute":"guest-file-write","arguments":{"handle":7,"buf-b64":"aGVsbG8="}}""", await guest.ReadAsync());
        await guest.SendAsync("{\"return\": {\"count\": 2, \"eof\": false}}\n");
        Assert.Equal("""{"execute":"guest-file-write","arguments":{"handle":7,"buf-b64":"bGxv"}}""", await guest.ReadAsync());
        await guest.SendAsync("{\"return\": {\"count\": 3, \"eof\": false}}\n");
        Assert.Equal("""{"execute":"guest-file-close","arguments":{"handle":7}}""", await guest.ReadAsync());
        await guest.SendAsync("{\"return\": {}}\n");
        await closing;
    }

    [Fact]
    public async Task File_WhoseReadingIsGivenUp_IsClosedOverTheNextSession()
    {
        await using AgentDouble guest = new();
        Task<Stream> opening = guest.Agent.OpenFileAsync("/tmp/x", AgentFileAccess.Read, Cancellation);
        await guest.SyncAsync();
        _ = await guest.ReadAsync();
        await guest.SendAsync("{\"return\": 7}\n");
        Stream file = await opening;
        using CancellationTokenSource stop = new();
        Task<int> reading = file.ReadAsync(new byte[10], stop.Token).AsTask();
        _ = await guest.ReadAsync();
        await stop.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        Task closing = file.DisposeAsync().AsTask();
        await guest.SyncAsync();
        Assert.Equal("""{"execute":"guest-file-close","arguments":{"handle":7}}""", await guest.ReadAsync());
        await guest.SendAsync("{\"return\": {}}\n");
        await closing;
    }

    [Fact]
    public async Task Freeze_WithoutAnAnswer_SaysThatTheGuestMayBeFrozen()
    {
        await using AgentDouble guest = new(freezeTimeout: TimeSpan.FromMilliseconds(100));
        Task<long> freeze = guest.Agent.FreezeAsync(cancellationToken: Cancellation);
        await guest.SyncAsync();
        Assert.EndsWith("may be frozen now: thaw them (fsfreeze thaw)", (await Assert.ThrowsAsync<AgentException>(() => freeze)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reasons_WithoutAServerToAsk_AreGivenAllTheSame()
    {
        using ControlClient client = new(ControlAddress.Unix("/nowhere/vmchannel.sock"));
        using AgentPort.Served port = new(client, null, "web", new());
        Assert.StartsWith("web: no answer from the guest agent in 5 s", await port.WhySilentAsync(TimeSpan.FromSeconds(5), Cancellation), StringComparison.Ordinal);
        Assert.StartsWith("web: the guest agent closed the port", await port.WhyEndedAsync("guest-shutdown", Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exec_WaitsForTheEnd_AndHasAllOfIt()
    {
        await using AgentDouble guest = new();
        Task<AgentExit> exec = guest.Agent.ExecAsync(new AgentCommand("sh", "-c", "x") { Environment = ["A=b"], Input = "in"u8.ToArray() }, Cancellation);
        await guest.SyncAsync();
        Assert.Equal(
            """{"execute":"guest-exec","arguments":{"path":"sh","arg":["-c","x"],"env":["A=b"],"input-data":"aW4=","capture-output":true}}""",
            await guest.ReadAsync());
        await guest.SendAsync("{\"return\": {\"pid\": 12}}\n");
        Assert.Equal("""{"execute":"guest-exec-status","arguments":{"pid":12}}""", await guest.ReadAsync());
        await guest.SendAsync("{\"return\": {\"exited\": false}}\n");
        _ = await guest.ReadAsync();
        await guest.SendAsync("{\"return\": {\"exited\": true, \"signal\": 15, \"out-data\": \"b3V0\", \"err-truncated\": true}}\n");
        AgentExit exit = await exec;
        Assert.Equal(128 + 15, exit.Code);
        Assert.Equal("out"u8.ToArray(), exit.Output.ToArray());
        Assert.True(exit.AreErrorsCut);
    }
}
