using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Servers;

/// <summary>The real executable, in a folder of its own. Killed at the end of a test if it still runs.</summary>
internal sealed class VmChannelProcess : IDisposable
{
    private readonly string _runtime = Directory.CreateTempSubdirectory("vmt").FullName;
    private readonly Socket _manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    public VmChannelProcess(string folder, IReadOnlyList<string> arguments, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(Executable())
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        string manager = Path.Combine(_runtime, "notify");
        _manager.Bind(new UnixDomainSocketEndPoint(manager));
        start.Environment["XDG_RUNTIME_DIR"] = _runtime;
        start.Environment["NOTIFY_SOCKET"] = manager;
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        _error = _process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Waits until it says that it serves: its files may be there before anybody listens, and before it has printed what it prints.</summary>
    public async Task ReadyAsync()
    {
        byte[] buffer = new byte[4096];
        int count = await _manager.ReceiveAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience.Short);
        Assert.StartsWith("READY=1", Encoding.UTF8.GetString(buffer, 0, count), StringComparison.Ordinal);
    }

    /// <summary>Asks it to stop, as a service manager does.</summary>
    public void Terminate() => Signal("TERM");

    /// <summary>Asks it to read its file again.</summary>
    public void HangUp() => Signal("HUP");

    public async Task<(int Code, string Output, string Error)> EndAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience.Short, TestContext.Current.CancellationToken);
        return (_process.ExitCode, await _output, await _error);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        _manager.Dispose();
        Directory.Delete(_runtime, recursive: true);
    }

    private void Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", Id.ToString(global::System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static string Executable()
    {
        if (Environment.GetEnvironmentVariable("VMCHANNEL") is string chosen)
        {
            return chosen;
        }

        DirectoryInfo folder = new(AppContext.BaseDirectory);
        string configuration = folder.FullName.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
        while (!File.Exists(Path.Combine(folder.FullName, "VmChannel.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("not inside the source tree: set VMCHANNEL to the executable");
        }

        return Path.Combine(folder.FullName, "src", "vmchannel", "bin", configuration, "net10.0", "vmchannel");
    }
}
