namespace VmChannel.SystemTests.Rig;

/// <summary>Tests on a machine; a failed one shows what its guest and its server said.</summary>
/// <param name="machine">Shared with the other tests of the collection.</param>
public abstract class GuestTests(Machine machine) : IAsyncDisposable
{
    private protected Machine Machine { get; } = machine;

    private protected Guest Guest => Machine.Guest;

    /// <summary>Plugs a port in, as a person does, and waits until the guest has its link.</summary>
    /// <param name="protocol">Its name, which no other test uses.</param>
    /// <param name="options">The rest of its options.</param>
    /// <returns>Its path in the guest.</returns>
    private protected async Task<string> PlugAsync(string protocol, string options)
    {
        (int code, _, string errors) = await Machine.Serve.CommandAsync("plug", $"protocol={protocol},{options}");
        Assert.True(code == 0, errors);
        string path = Machine.PathOf(protocol);
        await Guest.UntilAsync($"[ -e {path} ]");
        return path;
    }

    /// <summary>Takes a port out, and waits until its link is gone.</summary>
    private protected async Task UnplugAsync(string protocol)
    {
        (int code, _, string errors) = await Machine.Serve.CommandAsync("unplug", protocol);
        Assert.True(code == 0, errors);
        await Guest.UntilAsync($"[ ! -L {Machine.PathOf(protocol)} ]");
    }

    private protected async Task SetAsync(string protocol, string options)
    {
        (int code, _, string errors) = await Machine.Serve.CommandAsync("set", protocol, options);
        Assert.True(code == 0, errors);
    }

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
