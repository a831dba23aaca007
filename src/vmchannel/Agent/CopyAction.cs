using System.Globalization;
using System.Text;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control.Agent;

namespace VmChannel.Cli.Agent;

/// <summary><c>vmchannel agent cp</c>: a file to a guest, or from it.</summary>
internal static class CopyAction
{
    private const int BufferBytes = 256 * 1024;
    private const UnixFileMode Permissions = (UnixFileMode)0b111_111_111;
    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const UnixFileMode Usual = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    public static async Task<int> RunAsync(AgentCall call, CancellationToken cancellationToken)
    {
        call.Expect(2, 2, "say cp FILE VM:/PATH, or cp VM:/PATH FILE");
        (string from, string to) = (call.Words[0], call.Words[1]);
        (GuestPath? source, GuestPath? target) = (GuestPath.Read(from), GuestPath.Read(to));
        if (source is null == target is null)
        {
            throw new UsageException($"agent: cp {from} {to}: one of the two has to be a file of a VM: VM:/PATH");
        }

        string? named = (source ?? target)!.Vm;
        if (named is not null && call.Client.Vm is string vm && named != vm)
        {
            throw new UsageException($"agent: cp: {named} is another VM than {vm}");
        }

        AgentCall resolved = call with { Client = call.Client with { Vm = call.Client.Vm ?? named } };
        long bytes;
        await using (GuestAgent agent = await resolved.OpenAsync(cancellationToken))
        {
            bytes = source is null
                ? await UploadAsync(agent, from, target!, cancellationToken)
                : await DownloadAsync(agent, source, to, cancellationToken);
        }

        return AgentAnswers.Print(call, json => json.WriteNumber("bytes"u8, bytes), "");
    }

    private static async Task<long> UploadAsync(GuestAgent agent, string from, GuestPath to, CancellationToken cancellationToken)
    {
        await using FileStream source = Open(from);
        string name = Path.GetFileName(from);
        UnixFileMode mode = File.GetUnixFileMode(source.SafeFileHandle) & Permissions & ~OthersWrite;
        (Stream file, GuestPath path, bool isNew) = await CreateAsync(agent, to.IsFolder ? to.In(name) : to, name, cancellationToken);
        await using (file)
        {
            if (isNew && await TryRunAsync(agent, new("chmod", Convert.ToString((int)mode, 8), path.Path), cancellationToken) is null)
            {
                StandardStream.Complain($"{path.Path} in the guest has mode 0666, as the agent makes files: chmod could not be run there");
            }

            long copied = await CopyAsync(source, file, name, source.CanSeek ? source.Length : 0, cancellationToken);
            await file.FlushAsync(cancellationToken);
            return copied;
        }
    }

    /// <summary>Opens the guest's file, or the one of this name in the folder that it turns out to be.</summary>
    private static async Task<(Stream File, GuestPath Path, bool IsNew)> CreateAsync(
        GuestAgent agent, GuestPath path, string name, CancellationToken cancellationToken)
    {
        bool isNew = !await ExistsAsync(agent, path, cancellationToken);
        try
        {
            return (await agent.OpenFileAsync(path.Path, AgentFileAccess.Write, cancellationToken), path, isNew);
        }
        catch (AgentException e) when (e.Message.EndsWith("Is a directory", StringComparison.Ordinal) && path.FileName != name)
        {
            return await CreateAsync(agent, path.In(name), name, cancellationToken);
        }
    }

    private static async Task<bool> ExistsAsync(GuestAgent agent, GuestPath path, CancellationToken cancellationToken)
    {
        try
        {
            await (await agent.OpenFileAsync(path.Path, AgentFileAccess.Read, cancellationToken)).DisposeAsync();
            return true;
        }
        catch (AgentException e) when (e.ErrorClass is not null)
        {
            return false;
        }
    }

    private static async Task<long> DownloadAsync(GuestAgent agent, GuestPath from, string to, CancellationToken cancellationToken)
    {
        string path = Directory.Exists(to) ? Path.Combine(to, from.FileName) : to;
        await using Stream source = await agent.OpenFileAsync(from.Path, AgentFileAccess.Read, cancellationToken);
        (UnixFileMode mode, long size) = await StatAsync(agent, from, cancellationToken);
        await using CopyTarget target = await CopyTarget.OpenAsync(path, mode, cancellationToken);
        long copied = await CopyAsync(source, target.Content, from.FileName, size, cancellationToken);
        await target.FinishAsync();
        return copied;
    }

    private static async Task<long> CopyAsync(Stream source, Stream target, string name, long size, CancellationToken cancellationToken)
    {
        using CopyProgress progress = new(name, size);
        byte[] buffer = new byte[BufferBytes];
        long copied = 0;
        while (await source.ReadAsync(buffer, cancellationToken) is int count and > 0)
        {
            await target.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            copied += count;
            progress.Report(copied);
        }

        return copied;
    }

    /// <summary>A guest without stat, or whose agent may not run it, has files like any other.</summary>
    private static async Task<(UnixFileMode Mode, long Size)> StatAsync(GuestAgent agent, GuestPath path, CancellationToken cancellationToken)
    {
        try
        {
            string[] words = (await TryRunAsync(agent, new("stat", "-L", "-c", "%a %s", path.Path), cancellationToken))?.Split(' ') ?? [];
            return words is [string mode, string size] && long.TryParse(size, CultureInfo.InvariantCulture, out long bytes)
                ? ((UnixFileMode)Convert.ToInt32(mode, 8) & Permissions, bytes)
                : (Usual, 0);
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            return (Usual, 0);
        }
    }

    /// <summary>What a program in the guest printed; null when it could not be run, or failed.</summary>
    private static async Task<string?> TryRunAsync(GuestAgent agent, AgentCommand command, CancellationToken cancellationToken)
    {
        try
        {
            AgentExit exit = await agent.ExecAsync(command, cancellationToken);
            return exit.Code == 0 ? Encoding.UTF8.GetString(exit.Output.Span).Trim() : null;
        }
        catch (AgentException e) when (e.ErrorClass is not null)
        {
            return null;
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(Directory.Exists(path) ? $"{path} is a folder: cp copies files; for a folder use tar with exec" : e.Message, e);
        }
    }
}
