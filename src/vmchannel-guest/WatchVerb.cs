using System.CommandLine;
using VmChannel.Guest;

namespace VmChannel.GuestTool;

/// <summary><c>watch</c>: does udev's work for channels where there is no udev.</summary>
internal static class WatchVerb
{
    public static Command Create()
    {
        Option<bool> once = new("--once") { Description = "Make the links for the channels there are now, and end" };
        Command command = new("watch", "Keep the links to channels in /dev up to date, where udev does not.") { once };
        command.SetAction(parsed => Run(parsed.GetValue(once)));
        return command;
    }

    private static int Run(bool once)
    {
        try
        {
            LinkKeeper keeper = new("/dev", PortScan.DefaultFolder, line => Console.Error.WriteLine($"vmchannel-guest: {line}"), AdapterScan.DefaultFolder);
            if (once)
            {
                _ = keeper.Update();
            }
            else
            {
                keeper.Run();
            }

            return Failure.None;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return Failure.Report(fault.Message);
        }
    }
}
