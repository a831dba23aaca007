using System.CommandLine;
using VmChannel.GuestTool;
using VmChannel.GuestTool.Clipboards;
using VmChannel.GuestTool.Doctor;
using VmChannel.GuestTool.Handlers;
using VmChannel.GuestTool.Init;
using VmChannel.Native;

StandardDescriptors.Complete();

// The kernel starts the program in its initramfs as process 1 under this name, with whatever words it did not understand as arguments.
if (Environment.ProcessId == 1 && Path.GetFileName(Environment.GetCommandLineArgs()[0]) == "init")
{
    return GuestInit.Run();
}

RootCommand root = new("Named channels to this virtual machine's host: find them, open them, keep their links in /dev.")
{
    ListVerb.Create(),
    DoctorVerb.Create(),
    OpenVerb.Create(),
    RunVerb.Create(),
    ClipboardVerb.Create(),
    WatchVerb.Create(),
    UdevHelperVerb.Create(),
};

ParseResult parsed = root.Parse(OpenVerb.Normalise(args));
if (parsed.Errors.Count > 0)
{
    foreach (string message in parsed.Errors.Select(error => error.Message))
    {
        Failure.Report(message);
    }

    StandardStream.Complain("try vmchannel-guest --help");
    return Failure.Usage;
}

try
{
    // Verbs that have something to do when they are stopped see to it themselves.
    using StringWriter help = new();
    int code = await parsed.InvokeAsync(new() { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false, Output = help });
    _ = StandardStream.Write(help.ToString());
    return code;
}
catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
{
    return Failure.Report(fault.Message);
}
