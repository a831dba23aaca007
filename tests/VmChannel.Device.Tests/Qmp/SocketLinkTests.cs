using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using VmChannel.Device.Ports;
using VmChannel.Device.Qmp;
using VmChannel.Native;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Qmp;

/// <summary>A socket on which a VMM is waited for.</summary>
public sealed class SocketLinkTests : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("vmt").FullName;
    private readonly string _path;
    private readonly LogLines _log = new();
    private readonly LoopThread _thread;
    [SuppressMessage("Usage", "CA2213", Justification = "disposed on the loop's thread")]
    private readonly Port _port;
    [SuppressMessage("Usage", "CA2213", Justification = "disposed on the loop's thread")]
    private readonly SocketLink _link;

    public SocketLinkTests()
    {
        _path = Path.Combine(_folder, "vmm.sock");
        Assert.True(UnixAddress.TryCreate(_path, isAbstract: false, isTight: true, out UnixAddress? address, out _));
        _thread = new LoopThread(_log);
        (_port, _link) = _thread.Invoke(() =>
        {
            ScriptedEnd end = new();
            Port port = new(new PortSpec(1, "org.test.one"), end, _thread.Loop, _log.For<Port>());
            port.Start();
            end.Connect(true);
            SocketLink link = new(port, new PortSocket("org.test.one", address, Listens: true), _thread.Loop, TimeSpan.FromSeconds(5), () => { }, _log);
            link.Look();
            return (port, link);
        });
    }

    [Fact]
    public async Task Accept_ThatFails_IsSaidOnceAndTriedAgain()
    {
        // What a socket that does not listen answers (EINVAL) stands for EMFILE, which other tests of this process would feel.
        int number = NumberOfListener();
        _ = FileDescriptor.Duplicate(number, out FileDescriptor? listener);
        using FileDescriptor kept = listener!;
        using Socket deaf = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Assert.Equal(number, Replace((int)deaf.Handle, number, CloseOnExec));
        using Socket vmm = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await vmm.ConnectAsync(new UnixDomainSocketEndPoint(_path), TestContext.Current.CancellationToken);
        await WaitForAsync(() => _log.Contains("waiting for the VMM"));
        _thread.Invoke(_link.Look);
        Assert.Single(_log.All, line => line.Contains("waiting for the VMM", StringComparison.Ordinal));
        Assert.Equal(number, Replace(kept.Number, number, CloseOnExec));
        await WaitForAsync(() => _thread.Invoke(() => _link.Process is not null));
        Assert.True(_port.State.IsGuestOpen);
    }

    public void Dispose()
    {
        _thread.Invoke(() =>
        {
            _link.Dispose();
            _port.Dispose();
        });
        _thread.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [DllImport("libc", EntryPoint = "dup3")]
    [SuppressMessage("Interoperability", "SYSLIB1054", Justification = "its code would be unsafe, which is for VmChannel.Native alone")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Replace(int fd, int place, int flags);

    private static async Task WaitForAsync(Func<bool> condition)
    {
        for (long start = Stopwatch.GetTimestamp(); !condition();)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Deadline);
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    private int NumberOfListener()
    {
        string inode = File.ReadLines("/proc/net/unix").Single(line => line.EndsWith(_path, StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[6];
        return int.Parse(
            Path.GetFileName(Directory.EnumerateFileSystemEntries("/proc/self/fd").First(link => new FileInfo(link).LinkTarget == $"socket:[{inode}]")),
            CultureInfo.InvariantCulture);
    }
}
