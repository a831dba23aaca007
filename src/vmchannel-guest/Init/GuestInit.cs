using VmChannel.Guest;
using VmChannel.Native;
using VmChannel.Wire;

namespace VmChannel.GuestTool.Init;

/// <summary>First process of the throw-away guest of <c>vmchannel run</c>: prepares the machine, runs one command, switches it off.</summary>
internal static class GuestInit
{
    private static readonly TimeSpan DeviceTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan HostTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Does not return: the machine goes off, whatever happens.</summary>
    public static int Run()
    {
        try
        {
            RootTree.MountKernel();
            KernelParameters parameters = KernelParameters.Parse(File.ReadAllText("/proc/cmdline"));
            RootTree.LoadModules("/modules");
            RootTree.Enter(parameters);
            Name(parameters.HostName);
            Machine.SetLoopbackUp().OrFail("bring the loopback interface up");
            Converse();
        }
        catch (InitException fault)
        {
            KernelLog.Error(fault.Message);
        }
        catch (Exception fault)
        {
            KernelLog.Error($"unexpected: {fault}".ReplaceLineEndings(" | "));
        }

        PowerOff();
        return 1;
    }

    private static void Name(string? hostName)
    {
        if (hostName is not null)
        {
            Machine.SetHostName(hostName).OrFail($"set the host name {hostName}");
        }
    }

    private static void Converse()
    {
        LinkKeeper links = new("/dev", PortScan.DefaultFolder, KernelLog.Info, AdapterScan.DefaultFolder);
        new Thread(() => KeepLinks(links)) { IsBackground = true, Name = "links" }.Start();
        ControlPort control = new(InternalPorts.Open(links, "control", OpenFlags.ReadWrite, DeviceTimeout));

        // The host is the reason to exist: without it nothing is worth finishing.
        _ = control.Ended.ContinueWith(
            ended =>
            {
                KernelLog.Info(ended.Result);
                PowerOff();
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        control.Start();
        _ = links.Update();
        control.Send(new RunReady());
        if (!control.Command.Wait(HostTimeout))
        {
            throw new InitException($"the host sent no command within {HostTimeout.TotalSeconds} s");
        }

        RunExit exit = new Session(control.Command.Result, control, links).Run();

        // The host may switch the machine off as soon as it knows.
        Mounts.Sync();
        control.Send(exit);

        // It closes the port when it has taken all output: what the driver still holds is lost when the power goes.
        _ = control.Ended.Wait(Timeout.Infinite);
    }

    private static void KeepLinks(LinkKeeper links)
    {
        try
        {
            links.Run();
        }
        catch (Exception fault)
        {
            KernelLog.Error($"links in /dev are not kept any more: {fault.Message}");
        }
    }

    private static void PowerOff()
    {
        Mounts.Sync();
        PosixResult result = Machine.PowerOff();

        // A machine that cannot be switched off stops here: if the first process ended the kernel would panic.
        KernelLog.Error($"cannot switch the machine off: {result.Message}");
        _ = Poll.Wait([], Timeout.InfiniteTimeSpan);
    }
}
