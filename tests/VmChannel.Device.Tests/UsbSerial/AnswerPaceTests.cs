using VmChannel.Device.Loop;
using VmChannel.Device.UsbSerial;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.UsbSerial;

public sealed class AnswerPaceTests : IDisposable
{
    private const int Most = 3;

    private readonly LoopThread _thread = new(new LogLines());
    private readonly Waiter _waiter = new();
    private readonly AnswerPace _pace;

    public AnswerPaceTests() => _pace = new AnswerPace(Most, _thread.Loop, _waiter);

    public void Dispose()
    {
        _thread.Dispose();
        _pace.Dispose();
        _waiter.Dispose();
    }

    [Fact]
    public void Answers_BeforeTheGuestAsksAgain_AreSoMany()
        => _thread.Invoke(() =>
        {
            Ask(16);
            Assert.Equal(Most, Answer());
            _pace.OnAsked();
            Assert.Equal(1, Answer());
            Ask(2);
            Assert.Equal(2, Answer());
        });

    [Fact]
    public void Guest_ThatDoesNotAskAgain_GetsTheRestLater_AndIsPacedOnceItAsks()
    {
        _thread.Invoke(() =>
        {
            Ask(16);
            Assert.Equal(Most, Answer());
        });
        _waiter.Wait();
        _thread.Invoke(() =>
        {
            Assert.Equal(Most, Answer());
            Ask(Most);
            Assert.Equal(0, Answer());
            _pace.OnAsked();
            Assert.Equal(1, Answer());
        });
    }

    [Fact]
    public void Guest_ThatAskedMeanwhile_GetsNoMoreForTheTime()
    {
        _thread.Invoke(() =>
        {
            Ask(16);
            Assert.Equal(Most, Answer());
            _pace.OnAsked();
            Assert.Equal(1, Answer());
        });
        _waiter.Wait();
        Assert.Equal(0, _thread.Invoke(Answer));
    }

    [Fact]
    public void Guest_ThatGaveAllUp_BeginsAnew()
        => _thread.Invoke(() =>
        {
            Ask(16);
            Assert.Equal(Most, Answer());
            _pace.StartOver();
            Assert.Equal(Most, Answer());
        });

    private void Ask(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _pace.OnAsked();
        }
    }

    /// <summary>Answers as often as it may.</summary>
    private int Answer()
    {
        int count = 0;
        for (; _pace.MayAnswer(); count++)
        {
            _pace.OnAnswered();
        }

        return count;
    }

    private sealed class Waiter : Runnable, IDisposable
    {
        private readonly SemaphoreSlim _turns = new(0);

        public void Wait() => Assert.True(_turns.Wait(TimeSpan.FromSeconds(30)));

        public void Dispose() => _turns.Dispose();

        protected internal override bool Run()
        {
            _ = _turns.Release();
            return false;
        }
    }
}
