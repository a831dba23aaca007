using VmChannel.Cli.Fetch;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Packages;

/// <summary>Debian's own checker, from an unpacked package, on what <c>./pack</c> makes.</summary>
public sealed class LintianTests
{
    [Fact]
    public async Task Packages_OfTheRepository_HaveNoErrorsAndNoWarnings()
    {
        (int code, string findings) = await LintianAsync(PackedFiles.Host, PackedFiles.Guest);
        Assert.Equal("", findings);
        Assert.Equal(0, code);
    }

    [Fact]
    public async Task Package_WithoutACopyright_HasAnError()
    {
        using TestFolder folder = new();
        string control = folder.File("root/DEBIAN/control");
        Directory.CreateDirectory(Path.GetDirectoryName(control)!);
        await File.WriteAllTextAsync(
            control,
            "Package: bad\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@vmchannel.invalid>\nDescription: bad\n",
            TestContext.Current.CancellationToken);
        await using HostProcess build = await HostProcess.RunAsync("dpkg-deb", "--root-owner-group", "--build", folder.File("root"), folder.File("bad.deb"));
        Assert.Equal(0, await build.Ended);

        (int code, string findings) = await LintianAsync(folder.File("bad.deb"));
        Assert.Contains("E: bad: no-copyright-file", findings, StringComparison.Ordinal);
        Assert.NotEqual(0, code);
    }

    private static async Task<(int Code, string Findings)> LintianAsync(params string[] packages)
    {
        string root = await GuestImage.RootOfAsync(PackageSets.Lintian);
        const string Triplet = "x86_64-linux-gnu";
        await using HostProcess lintian = HostProcess.Start(
            ["perl", $"{root}/usr/share/lintian/bin/lintian", "--allow-root", "--tag-display-limit", "0", "--fail-on", "error,warning", .. packages],
            start =>
            {
                // All of it from where it lies; what it has no package for is the machine's.
                start.Environment["PATH"] = $"{root}/usr/bin:{root}/bin:{Environment.GetEnvironmentVariable("PATH")}";
                start.Environment["LD_LIBRARY_PATH"] = $"{root}/usr/lib/{Triplet}:{root}/lib/{Triplet}";
                start.Environment["PERL5LIB"] = string.Join(':', PerlFolders(root, Triplet));
                start.Environment["LINTIAN_BASE"] = $"{root}/usr/share/lintian";
                start.Environment["MAGIC"] = $"{root}/usr/lib/file/magic.mgc";
                start.Environment["LC_ALL"] = "C.UTF-8";
            });
        int code = await lintian.Ended.WaitAsync(Patience.Short);
        string[] complaints = [.. lintian.Errors.All.Where(line => !line.StartsWith("running with root privileges", StringComparison.Ordinal))];
        return (code, string.Join('\n', lintian.Output.All.Concat(complaints)));
    }

    private static IEnumerable<string> PerlFolders(string root, string triplet) =>
        new[] { "usr/share/perl5", "usr/share/perl", $"usr/lib/{triplet}/perl5", $"usr/lib/{triplet}/perl", $"usr/lib/{triplet}/perl-base" }
            .Select(folder => Path.Combine(root, folder))
            .SelectMany(folder => Directory.GetDirectories(folder, "5.*").Where(version => new DirectoryInfo(version).LinkTarget is null).Append(folder));
}
