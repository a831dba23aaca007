namespace VmChannel.SystemTests.Rig;

/// <summary>A booted guest with the device of a <see cref="ServeProcess"/>.</summary>
internal abstract class Guest : IAsyncDisposable
{
    private readonly GuestShell _shell;

    private protected Guest(HostProcess monitor, Stream lineInput, Lines lineOutput)
    {
        Monitor = monitor;
        _shell = new(lineInput, lineOutput);
        _ = _shell.ReadAsync();
    }

    /// <summary>The front-end's process.</summary>
    public HostProcess Monitor { get; }

    /// <summary>The kernel's messages.</summary>
    public Lines Console => Monitor.Output;

    /// <summary>How often it has come up.</summary>
    public int Boots => _shell.Boots;

    /// <summary>Runs a bash script and returns how it ended.</summary>
    /// <exception cref="TimeoutException">Not within the deadline; the message has the guest's console.</exception>
    public async Task<GuestResult> TryAsync(string script, TimeSpan? patience = null)
    {
        try
        {
            return await _shell.RunAsync(script).WaitAsync(patience ?? Patience.Short);
        }
        catch (Exception fault) when (fault is TimeoutException or IOException)
        {
            throw new TimeoutException($"no answer from the guest to: {script}\n{Describe()}", fault);
        }
    }

    /// <summary>Runs a bash script that must succeed.</summary>
    /// <returns>Its output, trimmed.</returns>
    public async Task<string> RunAsync(string script, TimeSpan? patience = null)
    {
        GuestResult result = await TryAsync(script, patience);
        Assert.True(result.Code == 0, $"exit code {result.Code} in the guest: {script}\n{result.Output}\n{Describe()}");
        return result.Trimmed;
    }

    /// <summary>Waits until a condition, a shell command, holds in the guest.</summary>
    public Task UntilAsync(string condition) =>
        RunAsync($"for ((n = 0; n < 3000; n++)); do if {condition}; then exit 0; fi; sleep 0.02; done; echo 'never came true'; exit 1");

    /// <summary>Waits until it has come up for the first time; one that does not is ended.</summary>
    private protected async Task WaitForFirstBootAsync()
    {
        try
        {
            await WaitForBootAsync(1);
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    /// <summary>Resets the machine from within, at once: the command never answers.</summary>
    public async Task ResetAsync()
    {
        int boots = Boots;
        _ = _shell.RunAsync("echo b >/proc/sysrq-trigger");
        await WaitForBootAsync(boots + 1);
    }

    /// <summary>Waits until it has come up for the n-th time.</summary>
    public async Task WaitForBootAsync(int number)
    {
        Task ready = Patience.UntilAsync(() => _shell.Boots >= number, () => $"the guest did not come up\n{Describe()}", Patience.Long);
        if (await Task.WhenAny(ready, Monitor.Ended) != ready)
        {
            throw new InvalidOperationException($"the guest's monitor ended with {await Monitor.Ended}\n{Describe()}");
        }

        await ready;
    }

    /// <summary>Ends it. A test that fails shows what it said.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        TestContext.Current.TestOutputHelper?.WriteLine(Describe());
        await Monitor.DisposeAsync();
    }

    /// <summary>What somebody needs who wants to know why a test failed.</summary>
    public string Describe()
    {
        // On UML the line of the shell is among them.
        IEnumerable<string> errors = Monitor.Errors.All.Where(line => !line.StartsWith('@'));
        return $"--- console of the guest ---\n{Console}\n--- {Monitor.Name} says ---\n{string.Join('\n', errors)}";
    }
}
