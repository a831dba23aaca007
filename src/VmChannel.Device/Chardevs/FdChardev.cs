using System.Globalization;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>fd:N</c>: a descriptor this process inherited: a socket, one end of a pipe, a terminal, a file.</summary>
public sealed class FdChardev(DeviceLoop loop, int number, ILogger log) : Chardev(loop, log)
{
    public override string Description { get; } = string.Create(CultureInfo.InvariantCulture, $"fd:{number}");

    protected override void OnStart()
    {
        PosixResult result = FileDescriptor.Duplicate(number, out FileDescriptor? duplicate);
        if (!result.IsSuccess)
        {
            throw new HostEndException($"{Description}: no such descriptor: pass one that is open, as in a shell's {number}<>FILE");
        }

        FileDescriptor fd = duplicate!;
        switch ((OpenFlags)fd.AccessMode().Value)
        {
            case OpenFlags.ReadOnly:
                Attach(fd, null, Description);
                break;
            case OpenFlags.WriteOnly:
                Attach(null, fd, Description);
                break;
            default:
                Attach(fd, fd, Description);
                break;
        }
    }
}
