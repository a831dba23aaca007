using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using VmChannel.Control;

namespace VmChannel.Cli.Clipboards;

/// <summary>Runs <c>xclip</c>, which every distribution has: one process for each question.</summary>
internal sealed class XclipTool(ClipboardSelection selection, string program = "xclip")
{
    /// <summary>What xclip says when there is nothing of that kind; the second only in later versions.</summary>
    private static readonly string[] Nothing = ["not available", "There is no owner"];

    /// <summary>Whoever owns the selection may hang.</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(10);

    /// <summary>A target of the selection (ICCCM §2.6.2); null when its owner has none such, or there is no owner.</summary>
    /// <exception cref="IOException">There is no xclip, it did not end, or it cannot ask: there is no display.</exception>
    public async Task<byte[]?> ReadAsync(string target, CancellationToken cancellation)
    {
        using Process process = Start([program, "-o", "-selection", Word, "-t", target], redirectsOutput: true);
        process.StandardInput.Close();
        using MemoryStream bytes = new();
        Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
        await EndAsync(process, Task.WhenAll(process.StandardOutput.BaseStream.CopyToAsync(bytes, cancellation), errors), cancellation);
        if (process.ExitCode == 0)
        {
            return bytes.ToArray();
        }

        string error = (await errors).Trim();
        return Nothing.Any(words => error.Contains(words, StringComparison.Ordinal)) ? null
            : throw new IOException($"xclip cannot paste: {(error.Length > 0 ? error : $"exit code {process.ExitCode}")}");
    }

    /// <summary>The words of a target whose value is text.</summary>
    public async Task<string[]> ReadWordsAsync(string target, CancellationToken cancellation)
        => await ReadAsync(target, cancellation) is byte[] bytes
            ? Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : [];

    /// <summary>Owns the selection until somebody else copies: xclip stays behind for that, and holds none of our streams.</summary>
    public async Task WriteAsync(string target, byte[] bytes, CancellationToken cancellation)
    {
        using Process process = Start(["sh", "-c", "exec \"$0\" -i -selection \"$1\" -t \"$2\" >/dev/null 2>&1", program, Word, target], redirectsOutput: false);
        await EndAsync(process, FeedAsync(process, bytes, cancellation), cancellation);
        if (process.ExitCode != 0)
        {
            throw new IOException($"xclip cannot copy (exit code {process.ExitCode}): is DISPLAY right?");
        }
    }

    private string Word => selection == ClipboardSelection.Primary ? "primary" : "clipboard";

    private static async Task FeedAsync(Process process, byte[] bytes, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(bytes, cancellation);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended first; its exit code says the rest.
        }
    }

    private static async Task EndAsync(Process process, Task transfer, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(AnswerTime);
        try
        {
            await transfer.WaitAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            cancellation.ThrowIfCancellationRequested();
            throw new IOException($"the program that owns the desktop's clipboard gave no answer within {AnswerTime.TotalSeconds:0} s");
        }
    }

    private static Process Start(string[] command, bool redirectsOutput)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(command[0], command[1..])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = redirectsOutput,
                RedirectStandardError = redirectsOutput,
            })!;
        }
        catch (Win32Exception)
        {
            throw new IOException($"{command[0]} was not found: the desktop's clipboard is reached through xclip; install it");
        }
    }
}
