using VmChannel.Cli.CommandLine;
using VmChannel.Cli.Run;
using Xunit;

namespace VmChannel.Cli.Tests.Run;

public sealed class MonitorCommandTests
{
    private static GuestBoot Boot { get; } = new("/run/d.sock", "/k/linux", "/c/i.cpio", 512, MaxPorts: 5, [new("/home/me/my src,a:b", "/src")]);

    [Fact]
    public void Uml_Arguments_HaveDeviceMemoryAndEscapedShare()
    {
        IReadOnlyList<string> words = UmlCommand.Arguments(Boot, "/run/private");

        Assert.Equal("/k/linux", words[0]);
        Assert.Contains("mem=512M", words);
        Assert.Contains("initrd=/c/i.cpio", words);
        Assert.Contains("virtio_uml.device=/run/d.sock:3", words);
        Assert.Contains("vmchannel.root=hostfs:/", words);
        Assert.Contains("vmchannel.share=hostfs:/home/me/my%20src%2Ca%3Ab:/src", words);
        Assert.All(words, word => Assert.DoesNotContain(' ', word));
    }

    [Fact]
    public void Qemu_Arguments_HaveTwoQueuesForEachPortAndTwoForControl()
    {
        string words = string.Join(' ', QemuCommand.Arguments(Boot, "/q"));

        Assert.Contains("virtio-id=3,num_vqs=12,config_size=12", words, StringComparison.Ordinal);
        Assert.Contains("memory-backend-memfd,id=mem0,size=512M,share=on", words, StringComparison.Ordinal);
        Assert.Contains("local,path=/home/me/my src,,a:b,mount_tag=share0", words, StringComparison.Ordinal);
        Assert.Contains("vmchannel.root=9p:root vmchannel.share=9p:share0:/src vmchannel.hostname=vmchannel", words, StringComparison.Ordinal);
        Assert.DoesNotContain("kvm", words, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Qemu_ArgumentsForUsb_HaveAnAdapterForEachSocketAndNoDevice()
    {
        string words = string.Join(' ', QemuCommand.Arguments(Boot with { Adapters = [.. Enumerable.Range(1, 16).Select(number => $"/run/a,b/{number}.sock")] }, "/q"));

        Assert.DoesNotContain("virtio-id=3", words, StringComparison.Ordinal);
        Assert.Contains(
            "-device qemu-xhci,id=vmchannel-xhci0,p2=15,p3=15 -chardev socket,id=vmchannel-usb0,path=/run/a,,b/1.sock -device usb-redir,chardev=vmchannel-usb0,bus=vmchannel-xhci0.0",
            words,
            StringComparison.Ordinal);
        Assert.Contains("-device qemu-xhci,id=vmchannel-xhci1,p2=15,p3=15 -chardev socket,id=vmchannel-usb15,path=/run/a,,b/16.sock", words, StringComparison.Ordinal);
        Assert.EndsWith("vmchannel.hostname=vmchannel", words, StringComparison.Ordinal);
    }

    [Fact]
    public void Sandbox_WithBubblewrap_IsReadOnlyButForWhatIsNamed()
    {
        string words = string.Join(' ', Sandbox.With("/usr/bin/bwrap").Around(["/k/linux", "mem=1M"], ["/cache"], ["/run/private"]));

        Assert.StartsWith("setsid /usr/bin/bwrap --unshare-all --die-with-parent", words, StringComparison.Ordinal);
        Assert.Contains("--ro-bind / / --dev /dev --proc /proc --tmpfs /tmp", words, StringComparison.Ordinal);
        Assert.EndsWith("--ro-bind /cache /cache --bind /run/private /run/private -- /k/linux mem=1M", words, StringComparison.Ordinal);
    }

    [Fact]
    public void Sandbox_WithoutBubblewrap_StillDiesWithUs() =>
        Assert.Equal(["setsid", "setpriv", "--pdeathsig", "KILL", "--", "/k/linux"], Sandbox.With(null).Around(["/k/linux"], [], []));

    [Theory]
    [InlineData("tmpfs /dev/shm tmpfs rw,nosuid,nodev,relatime 0 0", "/dev/shm")]
    [InlineData("shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k 0 0", "/tmp")]
    [InlineData("tmpfs /dev tmpfs rw 0 0", "/tmp")]
    public void Sandbox_MemoryFolder_IsWhereCodeMayBeMapped(string mount, string expected) =>
        Assert.Equal(expected, Sandbox.MemoryFolder([mount]));

    [Fact]
    public void SharedFolder_Parse_TakesThePathAfterTheLastColon()
    {
        Assert.Equal(new SharedFolder("/usr", "/usr"), SharedFolder.Parse("/usr"));
        Assert.Equal(new SharedFolder("/usr", "/mnt/x"), SharedFolder.Parse("/usr:/mnt/x"));
        Assert.Contains("/nonexistent", Assert.Throws<UsageException>(() => SharedFolder.Parse("/nonexistent")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/home/me/src", "/src")]
    [InlineData("/home/me/src/deep", "/src/deep")]
    [InlineData("/home/me/srcery", "/home/me/srcery")]
    [InlineData("/tmp/x", "/")]
    [InlineData("/", "/")]
    public void GuestCommand_FolderOf_IsWhereTheGuestSeesIt(string current, string expected) =>
        Assert.Equal(expected, GuestCommand.FolderOf(current, [new("/home/me/src", "/src")]));

    [Theory]
    [InlineData("/tmp/day", true)]
    [InlineData("/tmp/src/lib", false)]
    [InlineData("/home/me", false)]
    [InlineData("/", false)]
    public void GuestCommand_IsHidden_WhereTheGuestHasItsOwn(string current, bool expected) =>
        Assert.Equal(expected, GuestCommand.IsHidden(current, [new("/tmp/src", "/src")]));

    [Theory]
    [InlineData("7 (a) b) S 1 7 7 34816 7 4194560 99", true)]
    [InlineData("7 (vmchannel) S 1 7 6 34816 6 4194560 99", false)]
    public void ForegroundJob_StatLine_IsReadAfterTheName(string stat, bool expected) => Assert.Equal(expected, ForegroundJob.IsForeground(stat));
}
