using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using VmChannel.Native;

namespace VmChannel.Cli.Fetch;

/// <summary>One run of a command-line tool, its output kept for the message when it fails.</summary>
internal sealed record ToolProcess(int ExitCode, string Output, string Errors)
{
    /// <exception cref="FetchException">The program is not there.</exception>
    public static async Task<ToolProcess> RunAsync(
        string program,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? environment,
        string workingFolder,
        CancellationToken cancellationToken)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            WorkingDirectory = workingFolder,
        };
        start.Environment["LC_ALL"] = "C.UTF-8";
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Start(start);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        Task<string> errors = process.StandardError.ReadToEndAsync(cancellationToken);
        try
        {
            await process.WaitForExitAsync(cancellationToken);
            return new(process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error) when (error.NativeErrorCode != (int)Errno.NotFound)
        {
            throw new FetchException($"'{start.FileName}' could not be started: {error.Message}");
        }
        catch (Win32Exception)
        {
            throw new FetchException(
                $"'{start.FileName}' was not found. vmchannel gets its guests from Debian packages with apt-get and dpkg-deb; "
                + "install both (on Debian and Ubuntu they are part of the base system).");
        }
    }
}
