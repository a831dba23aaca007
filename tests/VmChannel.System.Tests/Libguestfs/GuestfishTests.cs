using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Libguestfs;

/// <summary>Debian's guestfish, whose channel to its appliance is on vmchannel's device: docs/libguestfs.md.</summary>
public sealed class GuestfishTests : IDisposable
{
    private const string Triplet = "x86_64-linux-gnu";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Guestfish_MakesADiskAndAFile_AndReadsItBack()
    {
        string appliance = Directory.CreateDirectory(_folder.File("appliance")).FullName;
        await Appliance.MakeAsync(appliance);
        string disk = _folder.File("disk.img");
        string packages = await GuestImage.RootOfAsync(PackageSets.Libguestfs);
        string qemu = await WriteQemuAsync();
        await using HostProcess guestfish = HostProcess.Start(
            [
                $"{packages}/lib/{Triplet}/ld-linux-x86-64.so.2", "--library-path", $"{packages}/lib/{Triplet}:{packages}/usr/lib/{Triplet}", $"{packages}/usr/bin/guestfish",
            ],
            start =>
            {
                start.Environment["QEMU"] = qemu;
                start.Environment["VMCHANNEL"] = Executables.VmChannel;
                start.Environment["VMCHANNEL_LOG"] = _folder.File("serve.log");
                start.Environment["LIBGUESTFS_HV"] = Path.Combine(Executables.Repository, "examples", "libguestfs-hv");
                start.Environment["LIBGUESTFS_PATH"] = appliance;
                start.Environment["LIBGUESTFS_BACKEND"] = "direct";
                start.Environment["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg";
                start.Environment["LIBGUESTFS_MEMSIZE"] = "512";
                start.Environment["LIBGUESTFS_DEBUG"] = "1";
                start.Environment["LIBGUESTFS_CACHEDIR"] = _folder.Root;
                start.Environment["TMPDIR"] = _folder.Root;
                start.Environment["XDG_RUNTIME_DIR"] = _folder.Root;
            });
        using (StreamWriter commands = new(guestfish.Input))
        {
            await commands.WriteAsync($"sparse {disk} 64M\nrun\nmkfs ext4 /dev/sda\nmount /dev/sda /\nwrite /greeting \"over vmchannel\"\ncat /greeting\numount-all\n");
        }

        int code = await guestfish.Ended.WaitAsync(Patience.Long, TestContext.Current.CancellationToken);
        Assert.True(code == 0, $"{code}\n{guestfish.Output}\n{guestfish.Errors}");
        Assert.Contains("over vmchannel", guestfish.Output.ToString(), StringComparison.Ordinal);

        // It was our device.
        string log = await File.ReadAllTextAsync(_folder.File("serve.log"), TestContext.Current.CancellationToken);
        Assert.Contains("(org.libguestfs.channel.0): guest opened", log, StringComparison.Ordinal);

        await UntilNoServerAsync();
        await using HostProcess check = await HostProcess.RunAsync("/sbin/e2fsck", "-fn", disk);
        Assert.Equal(0, await check.Ended);
    }

    [Theory]
    [InlineData("/nowhere/vmchannel", "No such file")]
    [InlineData("/bin/false", "ended before it served")]
    public async Task Server_ThatDoesNotStart_IsSaidAndNotWaitedFor(string program, string reason)
    {
        await using HostProcess wrapper = HostProcess.Start(
            [Path.Combine(Executables.Repository, "examples", "libguestfs-hv"), "-chardev", $"socket,path={_folder.File("guestfsd.sock")},id=channel0"],
            start => start.Environment["VMCHANNEL"] = program);
        Assert.Equal(1, await wrapper.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        Assert.Contains(reason, wrapper.Errors.ToString(), StringComparison.Ordinal);
    }

    /// <summary>The server's environment names its log, which is in this test's folder.</summary>
    private async Task UntilNoServerAsync()
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience.Short);
        while (Directory.EnumerateDirectories("/proc").Any(IsOurServer))
        {
            await Task.Delay(50, limit.Token);
        }

        bool IsOurServer(string process)
        {
            try
            {
                return File.ReadAllText(Path.Combine(process, "cmdline")).Contains("\0serve\0", StringComparison.Ordinal)
                    && File.ReadAllText(Path.Combine(process, "environ")).Contains(_folder.File("serve.log"), StringComparison.Ordinal);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    /// <summary>QEMU 11 from its packages, as one program.</summary>
    private async Task<string> WriteQemuAsync()
    {
        string qemu = await GuestImage.RootOfAsync(PackageSets.Qemu);
        string path = _folder.File("qemu");
        await File.WriteAllTextAsync(path, $"""
            #!/bin/sh
            export QEMU_MODULE_DIR={qemu}/usr/lib/{Triplet}/qemu
            exec {qemu}/usr/lib64/ld-linux-x86-64.so.2 --library-path {qemu}/usr/lib/{Triplet}:{qemu}/lib/{Triplet}:{qemu}/usr/lib/{Triplet}/pulseaudio {qemu}/usr/bin/qemu-system-x86_64 -L {qemu}/usr/share/qemu -L {qemu}/usr/share/seabios "$@"

            """);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }
}
