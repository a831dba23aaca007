using System.Diagnostics;
using VmChannel.Guest;
using VmChannel.Native;

namespace VmChannel.Bench.Guest;

/// <summary>Ports by name, each opened once and kept open: opening and closing is not what is measured.</summary>
internal sealed class PortTable : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, FileDescriptor> _open = [];

    /// <summary>The port of this name, waiting for it to appear.</summary>
    /// <exception cref="TimeoutException">It did not.</exception>
    public FileDescriptor Get(string name)
    {
        if (_open.TryGetValue(name, out FileDescriptor? known))
        {
            return known;
        }

        long started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < Patience)
        {
            if (name.StartsWith(AdapterSearch.Prefix, StringComparison.Ordinal) && AdapterSearch.Open(name[AdapterSearch.Prefix.Length..]) is { } adapter)
            {
                _open.Add(name, adapter);
                return adapter;
            }

            GuestPort? port = PortScan.Read().FirstOrDefault(port => port.Protocol?.Text == name);
            if (port is not null)
            {
                _ = FileDescriptor.Open(port.Path, OpenFlags.ReadWrite, 0, out FileDescriptor? opened).OrThrow(port.Path);
                _open.Add(name, opened!);
                return opened!;
            }

            Pause.Milliseconds(20);
        }

        string there = string.Join(", ", PortScan.Read().Select(port => $"{port.Id} {port.Shown}"));
        throw new TimeoutException($"no port {name} appeared in {Patience.TotalSeconds} s; there is: {there}");
    }

    public void Dispose()
    {
        foreach (FileDescriptor port in _open.Values)
        {
            port.Dispose();
        }
    }
}
