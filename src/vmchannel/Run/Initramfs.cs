using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using VmChannel.Native;

namespace VmChannel.Cli.Run;

/// <summary>What the guest's kernel starts from: our init, the libraries it loads, and modules in load order.</summary>
internal static class Initramfs
{
    /// <summary>Raised when the layout below changes.</summary>
    private const int Layout = 1;

    /// <summary>Path of a ready archive, written first if its parts changed since the last time.</summary>
    /// <param name="cacheFolder">Where archives are kept; those unused for a day are dropped.</param>
    /// <param name="init">The program to run as the guest's first.</param>
    /// <param name="modulesFolder">The kernel's modules, or null when all is built in.</param>
    /// <param name="moduleNames">Modules the guest needs; what these need comes along.</param>
    public static string Get(string cacheFolder, string init, string? modulesFolder, IReadOnlyList<string> moduleNames)
    {
        if (!File.Exists(init))
        {
            throw new RunException($"the guest's program is missing: {init} should be beside vmchannel; build both with ./vmchannel");
        }

        IReadOnlyList<string> libraries = SharedLibraries.Of(init);
        string folder = Directory.CreateDirectory(Path.Combine(cacheFolder, "initramfs")).FullName;
        string archive = Path.Combine(folder, Key([init, .. libraries], modulesFolder, moduleNames) + ".cpio");

        // One makes it for all that start at the same time, and nobody drops it meanwhile.
        using FileDescriptor turn = FolderLock.Take(folder);
        if (File.Exists(archive))
        {
            File.SetLastWriteTimeUtc(archive, DateTime.UtcNow);
            return archive;
        }

        SweepOld(folder);
        IReadOnlyList<string> modules = modulesFolder is null ? [] : new KernelModules(modulesFolder).LoadOrder(moduleNames);
        string unfinished = $"{archive}.unfinished";
        using (FileStream file = File.Create(unfinished))
        using (BufferedStream buffered = new(file, 1 << 20))
        {
            Write(buffered, init, libraries, modules);
        }

        File.Move(unfinished, archive, overwrite: true);
        return archive;
    }

    public static void Write(Stream target, string init, IReadOnlyList<string> libraries, IReadOnlyList<string> modules)
    {
        using CpioWriter cpio = new(target);
        foreach (string folder in (ReadOnlySpan<string>)["/dev", "/proc", "/sys", "/run", "/tmp"])
        {
            cpio.AddFolder(folder);
        }

        cpio.AddDevice("/dev/console", major: 5, minor: 1); // the kernel opens it before init runs
        cpio.AddFile("/init", File.ReadAllBytes(init));
        foreach (string library in libraries)
        {
            cpio.AddFile(library, File.ReadAllBytes(library));
        }

        for (int index = 0; index < modules.Count; index++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"/modules/{index:D2}-{Path.GetFileName(modules[index])}");
            cpio.AddFile(name, File.ReadAllBytes(modules[index]));
        }
    }

    // Sizes and dates instead of content: this runs before every boot. A package set's folder name changes with its content.
    private static string Key(IEnumerable<string> files, string? modulesFolder, IReadOnlyList<string> moduleNames)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{Layout}|{modulesFolder}|{string.Join(',', moduleNames)}");
        foreach (string file in files)
        {
            FileInfo information = new(File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? file);
            text.Append(CultureInfo.InvariantCulture, $"|{file}:{information.Length}:{information.LastWriteTimeUtc.Ticks}");
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 8));
    }

    private static void SweepOld(string folder)
    {
        foreach (string file in Directory.GetFiles(folder))
        {
            if (DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > TimeSpan.FromDays(1))
            {
                File.Delete(file);
            }
        }
    }
}
