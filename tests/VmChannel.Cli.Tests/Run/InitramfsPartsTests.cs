using VmChannel.Cli.Run;
using Xunit;

namespace VmChannel.Cli.Tests.Run;

public sealed class InitramfsPartsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vmchannel-parts-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void SharedLibraries_OfAProgramOfThisMachine_AreItsLoaderAndLibc()
    {
        IReadOnlyList<string> paths = SharedLibraries.Of("/bin/sh");

        Assert.Contains("/ld-linux", paths[0], StringComparison.Ordinal);
        Assert.Contains(paths, path => path.EndsWith("/libc.so.6", StringComparison.Ordinal));
        Assert.All(paths, path => Assert.True(File.Exists(path)));
    }

    /// <summary>As runs in containers that share a cache: their process ids are the same, too.</summary>
    [Fact]
    public void Get_SeveralAtTheSameTime_HaveTheSameArchive()
    {
        for (int round = 0; round < 20; round++)
        {
            string cache = Path.Combine(_folder, $"{round}");
            string[] archives = new string[8];
            _ = Parallel.For(0, archives.Length, new() { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, i =>
                archives[i] = Initramfs.Get(cache, "/bin/true", modulesFolder: null, []));
            Assert.Equal([archives[0]], Directory.GetFiles(Path.Combine(cache, "initramfs")));
            Assert.All(archives, archive => Assert.Equal(archives[0], archive));
        }
    }

    [Fact]
    public void Get_ArchiveThatIsOldToAnother_StaysOrIsMadeAnew()
    {
        string archive = Initramfs.Get(_folder, "/bin/true", modulesFolder: null, []);
        for (int round = 0; round < 300; round++)
        {
            File.SetLastWriteTimeUtc(archive, DateTime.UtcNow - TimeSpan.FromDays(2));
            string[] others = Directory.GetFiles(Path.GetDirectoryName(archive)!).Except([archive]).ToArray();
            Array.ForEach(others, File.Delete);
            Parallel.Invoke(
                () => Assert.Equal(archive, Initramfs.Get(_folder, "/bin/true", modulesFolder: null, [])),
                () => Initramfs.Get(_folder, "/bin/sh", modulesFolder: null, []));
            Assert.True(File.Exists(archive));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("#!/bin/sh\n")]
    public void Elf_NotOne_IsRefused(string text) =>
        Assert.Throws<InvalidDataException>(() => ElfFile.Parse("x", System.Text.Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Elf_CutOffAnywhere_IsRefusedOrEmptyButNeverCrashes()
    {
        byte[] whole = File.ReadAllBytes("/bin/true");
        for (int length = 0; length < whole.Length; length += 61)
        {
            byte[] part = whole[..length];
            try
            {
                ElfFile elf = ElfFile.Parse("part", part);
                _ = elf.Interpreter();
                _ = elf.Needed();
                _ = elf.ModuleInformation();
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    [Fact]
    public void KernelModules_BuiltIn_AreLeftOut()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "kernel"));
        File.WriteAllText(Path.Combine(_folder, "modules.builtin"), "kernel/drivers/virtio/virtio-pci.ko\n");

        Assert.Empty(new KernelModules(_folder).LoadOrder("virtio_pci"));
    }

    [Fact]
    public void KernelModules_Missing_IsNamed()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "kernel"));

        RunException error = Assert.Throws<RunException>(() => new KernelModules(_folder).LoadOrder("virtio_console"));
        Assert.Contains("'virtio_console'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LogTail_LastLines_AreCleanAndBounded()
    {
        LogTail log = new();
        for (int line = 0; line < 20000; line++)
        {
            log.Append("a line\r\n"u8);
        }

        log.Append("\e[31mthe end"u8);

        Assert.Equal("  a line\n  [31mthe end", log.LastLines(2));
    }
}
