using Microsoft.Extensions.Logging;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Fetch;
using VmChannel.Cli.Serve;
using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.Cli.Run;

/// <summary>One throw-away guest from nothing to the command's exit code.</summary>
/// <param name="options">What was asked for.</param>
/// <param name="plan">The guest's own device.</param>
/// <param name="served">A VM that another process serves; null = the guest has a device of its own.</param>
/// <param name="signals">To this process.</param>
/// <param name="log">For the device.</param>
internal sealed class RunSession(RunOptions options, DevicePlan plan, VmTarget? served, RunSignals signals, ILoggerFactory log)
{
    private const int LogLines = 25;
    private const int BrokenPipe = 13;
    private static readonly TimeSpan BootPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ChannelPatience = TimeSpan.FromSeconds(2);

    private readonly ProgressLine _progress = new();

    /// <returns>The command's exit code.</returns>
    /// <exception cref="RunException">The guest could not be brought up, or died.</exception>
    /// <exception cref="FetchException">Something it needs could not be fetched.</exception>
    public async Task<int> RunAsync()
    {
        // A served VM's console is not ours to take.
        bool isTerminal = served is null
            && Terminal.Is(FileDescriptor.Borrow(0)) && Terminal.Is(FileDescriptor.Borrow(1)) && ForegroundJob.IsThisProcess();
        PackageStore store = new(CacheFolder.Default, _progress);
        GuestKernel kernel = await GuestKernel.GetAsync(options, store, signals.Abort);
        Sandbox sandbox = await Sandbox.FindAsync(store, signals.Abort);
        if (sandbox.Missing is string missing)
        {
            StandardStream.Complain(
                $"no sandbox: {missing}. Root in the guest can write what you can write; trust the command or install bubblewrap.");
        }

        if (GuestCommand.IsHidden(Environment.CurrentDirectory, options.Shares))
        {
            _progress.Note($"vmchannel: {Environment.CurrentDirectory} is not seen in the guest, the command starts in /; --share . shows it the folder");
        }

        _progress.Show("vmchannel: booting …");
        bool isQemu = options.Vmm == Vmm.Qemu;
        string init = Path.Combine(AppContext.BaseDirectory, "vmchannel-guest");
        string initramfs = Initramfs.Get(
            CacheFolder.Default, init, kernel.ModulesFolder, isQemu ? QemuCommand.Modules(options.Transport) : UmlCommand.Modules);

        using PrivateFolder folder = PrivateFolder.Create(isTerminal);
        await using IRunDevice device = served is null
            ? await RunDevice.StartAsync(plan, options, isTerminal, folder, log, signals.Abort)
            : await ServedDevice.StartAsync(served, options.Transport, folder, signals.Abort);

        GuestBoot boot = new(device.Socket, kernel.Path, initramfs, options.MemoryMiB, device.MaxPorts, options.Shares) { Adapters = device.Adapters };
        IReadOnlyList<string> command = sandbox.Around(
            isQemu ? QemuCommand.Arguments(boot, kernel.MonitorRoot!) : UmlCommand.Arguments(boot, folder.Path),
            [CacheFolder.Default, kernel.Path, device.Socket],
            [folder.Path, .. options.Shares.Select(share => share.HostPath)]);
        Dictionary<string, string> environment = new(sandbox.Environment);
        if (isQemu)
        {
            environment[QemuCommand.ModuleVariable] = QemuCommand.ModuleFolder(kernel.MonitorRoot!);
        }

        await using VmmProcess monitor = await VmmProcess.StartAsync(command, environment);
        folder.Guard(monitor.Id);

        int code;
        try
        {
            await WaitForGuestAsync(device.Control, monitor, signals.Abort);
            _progress.Clear();
            using Terminal? raw = isTerminal ? TakeTerminal(device) : null;
            await device.Control.SendAsync(GuestCommand.Of(options, isTerminal, device.Channels), signals.Abort);
            code = await ConverseAsync(device, monitor, isTerminal);
        }
        finally
        {
            _progress.Clear();
            if (options.Keep)
            {
                await KeepAsync(monitor, command);
            }
        }

        await monitor.StopAsync(TimeSpan.Zero);
        folder.Guard(null);
        return code;
    }

    private static async Task WaitForGuestAsync(RunControl control, VmmProcess monitor, CancellationToken abort)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(abort);
        limit.CancelAfter(BootPatience);
        Task<RunReady> ready = control.ExpectAsync<RunReady>(limit.Token);
        try
        {
            if (await Task.WhenAny(ready, monitor.Ended) != ready)
            {
                throw Died("before it was ready", monitor);
            }

            await ready;
        }
        catch (OperationCanceledException) when (!abort.IsCancellationRequested)
        {
            throw new RunException($"the guest was not ready after {BootPatience.TotalSeconds} s. Its last messages:\n{monitor.Log.LastLines(LogLines)}");
        }
    }

    private Terminal? TakeTerminal(IRunDevice device)
    {
        FileDescriptor input = FileDescriptor.Borrow(0);
        void TellSize()
        {
            if (Terminal.TryGetSize(input, out TerminalSize size))
            {
                device.Resize(size);
            }
        }

        signals.OnResize = TellSize;
        TellSize();
        _ = Terminal.MakeRaw(input, keepSignals: false, out Terminal? raw);
        return raw;
    }

    private async Task<int> ConverseAsync(IRunDevice device, VmmProcess monitor, bool isTerminal)
    {
        using CancellationTokenSource over = new();
        Task<RunExit> exit = device.Control.ExpectAsync<RunExit>(over.Token);
        Task lost = device.OutputLostAsync(over.Token);
        try
        {
            while (true)
            {
                Task<int> signal = signals.NextAsync(over.Token);
                Task first = await Task.WhenAny(exit, monitor.Ended, signal, lost, signals.Forced);
                if (first == exit)
                {
                    RunExit end = await exit;
                    if (end.Error is string error)
                    {
                        StandardStream.WriteError($"vmchannel: run: {StandardStream.Printable(error)}{(isTerminal ? "\r\n" : "\n")}");
                    }

                    Task drained = device.DrainAsync(ChannelPatience, over.Token);
                    await Task.WhenAny(drained, monitor.Ended, signals.Forced);
                    return end.Code;
                }

                if (first == monitor.Ended)
                {
                    throw Died("while the command ran", monitor);
                }

                if (first == signals.Forced)
                {
                    return 128 + await signals.Forced;
                }

                // As in a pipeline on the host: whoever writes what nobody reads is told so, once.
                int number = first == signal ? await signal : BrokenPipe;
                lost = first == lost ? Task.Delay(Timeout.Infinite, over.Token) : lost;
                await device.Control.SendAsync(new RunSignal(number), CancellationToken.None);
            }
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    private static RunException Died(string when, VmmProcess monitor) =>
        new($"the guest ended {when}. Its last messages:\n{monitor.Log.LastLines(LogLines)}");

    private static async Task KeepAsync(VmmProcess monitor, IReadOnlyList<string> command)
    {
        string kept = Directory.CreateTempSubdirectory("vmchannel-kept-").FullName;
        await File.WriteAllTextAsync(Path.Combine(kept, "kernel.log"), monitor.Log.LastLines(int.MaxValue) + "\n");
        await File.WriteAllLinesAsync(Path.Combine(kept, "command"), command);
        StandardStream.Complain($"the guest's kernel messages and its command line are in {kept}");
    }
}
