using System.Text;
using VmChannel.Cli.Control;
using VmChannel.Control;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Cli.Tests.Control;

public sealed class SharedAnswersTests : IDisposable
{
    private const string Subject = "a VM";

    private readonly SemaphoreSlim _turns = new(1);

    public void Dispose() => _turns.Dispose();

    [Fact]
    public async Task Questions_DuringALook_ShareTheNext()
    {
        using ManualResetEventSlim mayLook = new();
        int looks = 0;
        SharedAnswers<string, ReloadResult> answers = new(
            _ =>
            {
                int look = Interlocked.Increment(ref looks);
                mayLook.Wait();
                return new ReloadResult([$"{look}"], [], [], 0, []);
            },
            ControlJson.Default.ReloadResult,
            _turns);

        Task<byte[]> first = answers.GetAsync(Subject);
        Wait.Until(() => Volatile.Read(ref looks) == 1, "the first look");
        Task<byte[]>[] meanwhile = [.. Enumerable.Range(0, 100).Select(_ => answers.GetAsync(Subject))];
        mayLook.Set();

        Assert.Contains("\"1\"", Encoding.UTF8.GetString(await first), StringComparison.Ordinal);
        byte[][] shared = await Task.WhenAll(meanwhile);
        Assert.All(shared, answer => Assert.Same(shared[0], answer));
        Assert.Contains("\"2\"", Encoding.UTF8.GetString(shared[0]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Question_AfterAnAnswer_LooksAgain()
    {
        int looks = 0;
        SharedAnswers<string, ReloadResult> answers = new(
            _ => new ReloadResult([$"{++looks}"], [], [], 0, []), ControlJson.Default.ReloadResult, _turns);

        _ = await answers.GetAsync(Subject);
        _ = await answers.GetAsync(Subject);

        Assert.Equal(2, looks);
    }

    [Fact]
    public async Task Look_ThatFails_IsToldToAllAndForgotten()
    {
        bool fails = true;
        SharedAnswers<string, ReloadResult> answers = new(
            _ => fails ? throw new IOException("not now") : new ReloadResult([], [], [], 0, []), ControlJson.Default.ReloadResult, _turns);

        _ = await Assert.ThrowsAsync<IOException>(() => answers.GetAsync(Subject));
        fails = false;
        _ = await answers.GetAsync(Subject);
    }

    [Fact]
    public async Task Subjects_HaveAnswersOfTheirOwn()
    {
        SharedAnswers<string, ReloadResult> answers = new(subject => new ReloadResult([subject], [], [], 0, []), ControlJson.Default.ReloadResult, _turns);

        byte[][] both = await Task.WhenAll(answers.GetAsync("one"), answers.GetAsync("two"));

        Assert.Contains("one", Encoding.UTF8.GetString(both[0]), StringComparison.Ordinal);
        Assert.Contains("two", Encoding.UTF8.GetString(both[1]), StringComparison.Ordinal);
    }
}
