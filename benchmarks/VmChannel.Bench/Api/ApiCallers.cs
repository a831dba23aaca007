using System.Diagnostics;
using System.Globalization;

namespace VmChannel.Bench.Api;

/// <summary>Clients of the control API in a process of their own, at the lowest priority: what they cost is not the server's fault.</summary>
internal sealed class ApiCallers : IDisposable
{
    private const string LowestPriority = "19";

    private readonly Process _process;

    /// <param name="control">Path of the control API's socket.</param>
    /// <param name="clients">How many.</param>
    public ApiCallers(string control, int clients)
    {
        ProcessStartInfo start = new(
            "nice", ["-n", LowestPriority, Environment.ProcessPath!, CallerCommand.Name, control, clients.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        _process = Process.Start(start) ?? throw new BenchException("the callers cannot be started");
        _ = Answer("ready");
    }

    /// <summary>Begins to call in waves.</summary>
    /// <param name="pace">From one wave to the next at least.</param>
    public void Go(TimeSpan pace) => Say(string.Create(CultureInfo.InvariantCulture, $"go {(int)pace.TotalMilliseconds}"));

    /// <summary>Ends the calling. Returns calls per second that were answered.</summary>
    public double Stop()
    {
        Say("stop");
        string[] words = Answer("done");
        return long.Parse(words[1], CultureInfo.InvariantCulture) / double.Parse(words[2], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Say(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
    }

    private string[] Answer(string expected)
        => _process.StandardOutput.ReadLine()?.Split(' ') is [string first, ..] words && first == expected
            ? words
            : throw new BenchException("the callers have failed; what they said is above");
}
