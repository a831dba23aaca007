using System.Globalization;
using VmChannel.Native;

namespace VmChannel.Cli.Agent;

/// <summary>What a copy from a guest goes to: a file, or what is there and is no file (a device, a pipe), which is written as it is.</summary>
/// <remarks>A file is written beside what is there, so that this stays whole until the new one is.</remarks>
internal sealed class CopyTarget : IAsyncDisposable
{
    private readonly string? _unfinished;
    private readonly string _path;
    private bool _isFinished;

    private CopyTarget(FileStream content, string path, string? unfinished)
    {
        Content = content;
        _path = path;
        _unfinished = unfinished;
    }

    /// <summary>Takes the bytes.</summary>
    public FileStream Content { get; }

    /// <param name="path">Links are followed: what they lead to is written.</param>
    /// <param name="mode">Of a file that is new.</param>
    /// <param name="cancellationToken">Ends the waiting for a pipe's reader.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static async Task<CopyTarget> OpenAsync(string path, UnixFileMode mode, CancellationToken cancellationToken)
    {
        string file = new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        (FileKind Kind, FileIdentity Identity)? there = Find(path);
        try
        {
            // A link of /proc leads to a file, whatever its name has come to since.
            if (there is not null && (there.Value.Kind != FileKind.Regular || Find(file) != there))
            {
                Task<FileStream> opening = Task.Run(() => new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0), CancellationToken.None);
                return new(await opening.WaitAsync(cancellationToken), path, unfinished: null);
            }

            string unfinished = $"{file}.{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}.unfinished";
            FileStreamOptions options = new()
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 0,
                UnixCreateMode = there is null ? mode : File.GetUnixFileMode(file),
            };
            return new(new FileStream(unfinished, options), file, unfinished);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    /// <summary>All bytes are there: the file takes the place of the one before.</summary>
    public async Task FinishAsync()
    {
        await Content.DisposeAsync();
        if (_unfinished is not null)
        {
            File.Move(_unfinished, _path, overwrite: true);
        }

        _isFinished = true;
    }

    public async ValueTask DisposeAsync()
    {
        await Content.DisposeAsync();
        if (_unfinished is not null && !_isFinished)
        {
            File.Delete(_unfinished);
        }
    }

    private static (FileKind Kind, FileIdentity Identity)? Find(string path)
    {
        _ = FileDescriptor.Open(path, OpenFlags.PathOnly, 0, out FileDescriptor? descriptor);
        using (descriptor)
        {
            return descriptor?.Identity() is FileIdentity identity ? (descriptor.Kind(), identity) : null;
        }
    }
}
