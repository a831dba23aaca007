using VmChannel.Cli.Fetch;

namespace VmChannel.Cli.Run;

/// <summary>What a guest boots: its kernel, that kernel's modules, and for QEMU the monitor itself.</summary>
/// <param name="Path">A program for UML, a bzImage for QEMU.</param>
/// <param name="ModulesFolder">Null when all that is needed is built in.</param>
/// <param name="MonitorRoot">Root of the unpacked QEMU packages; null for UML.</param>
internal sealed record GuestKernel(string Path, string? ModulesFolder, string? MonitorRoot)
{
    /// <summary>Fetches what is missing.</summary>
    public static async Task<GuestKernel> GetAsync(RunOptions options, PackageStore store, CancellationToken cancellationToken)
    {
        string? qemu = options.Vmm == Vmm.Qemu ? await RootOf(PackageSets.Qemu, store, cancellationToken) : null;
        if (options.Kernel is string path)
        {
            string own = System.IO.Path.GetFullPath(path);
            return File.Exists(own) ? new(own, ModulesBeside(own), qemu) : throw new RunException($"--kernel {path}: no such file");
        }

        if (qemu is null)
        {
            string kernel = System.IO.Path.Combine(await RootOf(PackageSets.Uml, store, cancellationToken), "usr/bin/linux.uml");
            return new(kernel, ModulesBeside(kernel), null);
        }

        string root = await RootOf(PackageSets.Kernel, store, cancellationToken);
        string image = Directory.GetFiles(System.IO.Path.Combine(root, "boot"), "vmlinuz-*").Single();
        return new(image, ModulesBeside(image), qemu);
    }

    /// <summary>Modules of a kernel by the places where packages put both.</summary>
    public static string? ModulesBeside(string kernel)
    {
        string above = System.IO.Path.GetDirectoryName(System.IO.Path.GetDirectoryName(kernel))!;
        string uml = System.IO.Path.Combine(above, "lib/uml/modules");
        if (Directory.Exists(uml))
        {
            return Directory.GetDirectories(uml).Order(StringComparer.Ordinal).LastOrDefault();
        }

        const string ImagePrefix = "vmlinuz-";
        string name = System.IO.Path.GetFileName(kernel);
        if (!name.StartsWith(ImagePrefix, StringComparison.Ordinal))
        {
            return null;
        }

        string version = name[ImagePrefix.Length..];
        return new[] { System.IO.Path.Combine(above, "lib/modules", version), System.IO.Path.Combine("/lib/modules", version) }
            .FirstOrDefault(Directory.Exists);
    }

    private static async Task<string> RootOf(PackageSet set, PackageStore store, CancellationToken cancellationToken) =>
        System.IO.Path.Combine(await store.GetAsync(set, cancellationToken), "root");
}
