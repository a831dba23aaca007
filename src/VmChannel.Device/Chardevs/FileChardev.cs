using Microsoft.Extensions.Logging;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>file:PATH</c>: what the guest writes goes into a file; what it reads may come from another.</summary>
/// <remarks>A regular file knows no "would block": a slow disk holds the loop up for as long as one write takes.</remarks>
public sealed class FileChardev(DeviceLoop loop, string path, bool append, string? inputPath, ILogger log) : Chardev(loop, log)
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private LoopTimer? _timer;
    private long _writtenAtFailure = -1;

    public override string Description { get; } = $"file:{path}";

    protected override void OnStart()
    {
        FileDescriptor? input = inputPath is null ? null : HostFile.OpenInput(Description, inputPath);
        FileDescriptor? output = null;
        try
        {
            output = HostFile.OpenOutput(Description, path, append);
        }
        finally
        {
            if (output is null)
            {
                input?.Dispose();
            }
        }

        Attach(input, output, Description);
    }

    /// <summary>A full disk may have room later: nothing is dropped, the guest waits.</summary>
    protected override string? FindEnd()
    {
        if (Output is { WriteError: not Errno.None } output)
        {
            if (output.WrittenBytes != _writtenAtFailure)
            {
                _writtenAtFailure = output.WrittenBytes;
                ChardevLog.Held(Log, Description, new PosixResult(-1, output.WriteError).Message);
            }

            _timer?.Dispose();
            _timer = Loop.After(Retry, Resume);
        }

        return null;
    }

    protected override void Dispose(bool disposing)
    {
        _timer?.Dispose();
        base.Dispose(disposing);
    }

    private void Resume()
    {
        Output?.ResumeWriting();
        Wake();
    }
}
