using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Native;

namespace VmChannel.Device.Services.Logging;

/// <summary>Appends a guest's lines to a file, each with the time it came (<c>service=log,path=FILE</c>).</summary>
/// <remarks>
/// The file is opened for each session, so a file moved away by a rotation is left at the guest's next open. All lines
/// that came together are one write, with no buffer behind it: what a program sees in the file is what was received,
/// up to the last line end. A full disk, or any other error, holds the guest's bytes on its ring until writing works.
/// </remarks>
internal sealed partial class LogService(string path, ILogger log, TimeProvider clock) : IService
{
    private const int WriteBytes = 64 * 1024;
    private const uint OwnerOnly = 0x180;
    private static readonly TimeSpan RetryTime = TimeSpan.FromSeconds(1);

    public string Name => "log";

    /// <summary>Tries the file once, so that a wrong path is an error at start and not a line at night.</summary>
    public void Start()
    {
        PosixResult result = Open(out FileDescriptor? file);
        file?.Dispose();
        if (!result.IsSuccess)
        {
            throw new HostEndException($"service=log: cannot append to {path}: {result.Message}");
        }
    }

    public void Stop()
    {
    }

    public async Task RunAsync(IDuplexPipe channel, CancellationToken cancellation)
    {
        LogLines lines = new(clock);
        ArrayBufferWriter<byte> output = new(WriteBytes);
        Held held = new();
        try
        {
            while (true)
            {
                ReadResult result = await channel.Input.ReadAsync(cancellation);
                foreach (ReadOnlyMemory<byte> segment in result.Buffer)
                {
                    for (int at = 0; at < segment.Length;)
                    {
                        at += lines.Take(segment.Span[at..], output, WriteBytes);
                        if (output.WrittenCount >= WriteBytes)
                        {
                            await WriteAsync(held, output, cancellation);
                        }
                    }
                }

                if (result.IsCompleted)
                {
                    lines.Finish(output);
                }

                // Consumed only once it is in the file: until then it counts as held, and the guest waits.
                await WriteAsync(held, output, cancellation);
                channel.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return;
                }
            }
        }
        finally
        {
            held.File?.Dispose();
        }
    }

    private async ValueTask WriteAsync(Held held, ArrayBufferWriter<byte> output, CancellationToken cancellation)
    {
        int written = 0;
        while (written < output.WrittenCount)
        {
            PosixResult result = held.File is null ? Open(out held.File) : held.File.Write(output.WrittenSpan[written..]);
            if (!result.IsSuccess)
            {
                if (!held.IsTroubled)
                {
                    held.IsTroubled = true;
                    LogTrouble(path, result.Message);
                }

                await Task.Delay(RetryTime, clock, cancellation);
            }
            else if (held.IsOpened)
            {
                written += (int)result.Value;
                if (held.IsTroubled)
                {
                    held.IsTroubled = false;
                    LogRecovered(path);
                }
            }

            held.IsOpened = held.File is not null;
        }

        output.ResetWrittenCount();
    }

    // Never waits: a path that is a pipe nobody reads is an error, not a thread that hangs.
    private PosixResult Open(out FileDescriptor? file) => FileDescriptor.Open(
        path,
        OpenFlags.WriteOnly | OpenFlags.Append | OpenFlags.Create | OpenFlags.NonBlocking | OpenFlags.NoControllingTerminal,
        OwnerOnly,
        out file);

    [LoggerMessage(61, LogLevel.Error, "cannot write {Path}: {Reason}; the guest's lines wait until that works")]
    private partial void LogTrouble(string path, string reason);

    [LoggerMessage(62, LogLevel.Information, "{Path} can be written again; no line was lost")]
    private partial void LogRecovered(string path);

    /// <summary>What one session holds between writes.</summary>
    private sealed class Held
    {
        public FileDescriptor? File;
        public bool IsOpened;
        public bool IsTroubled;
    }
}
