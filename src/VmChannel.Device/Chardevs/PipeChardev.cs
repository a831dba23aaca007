using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>pipe:PATH</c>: two FIFOs, PATH.in for bytes to the guest and PATH.out for bytes from it, or one PATH for both.</summary>
/// <remarks>Opened for reading and writing, as QEMU does: programs may come and go at the other ends without an end being seen.</remarks>
public sealed class PipeChardev(DeviceLoop loop, string path, ILogger log) : Chardev(loop, log)
{
    public override string Description { get; } = $"pipe:{path}";

    protected override void OnStart()
    {
        string input = path + ".in";
        string output = path + ".out";
        if (Path.Exists(input) && Path.Exists(output))
        {
            FileDescriptor opened = HostFile.OpenBoth(Description, input);
            FileDescriptor? other = null;
            try
            {
                other = HostFile.OpenBoth(Description, output);
            }
            finally
            {
                if (other is null)
                {
                    opened.Dispose();
                }
            }

            Attach(opened, other, Description);
        }
        else if (Path.Exists(path))
        {
            FileDescriptor both = HostFile.OpenBoth(Description, path);
            Attach(both, both, Description);
        }
        else
        {
            throw new HostEndException($"{Description}: there is no such pipe: make both with mkfifo {input} {output}");
        }
    }
}
