namespace VmChannel.SystemTests.Rig;

/// <summary>Tests on a machine; a failed one shows what its guest and its server said.</summary>
/// <param name="machine">Shared with the other tests of the collection.</param>
public abstract class GuestTests(Machine machine) : IAsyncDisposable
{
    private protected Machine Machine { get; } = machine;

    private protected Guest Guest => Machine.Guest;

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{Guest.Describe()}\n--- serve ---\n{Machine.Serve.Log}");
        }

        return ValueTask.CompletedTask;
    }
}
