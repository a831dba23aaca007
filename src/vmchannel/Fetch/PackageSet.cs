using System.Security.Cryptography;
using System.Text;

namespace VmChannel.Cli.Fetch;

/// <summary>Debian packages that are fetched and unpacked together, without installing them.</summary>
/// <param name="Name">The word people type after <c>vmchannel fetch</c>.</param>
/// <param name="Purpose">One line for the help text.</param>
/// <param name="Suite">Debian suite the packages come from.</param>
/// <param name="Packages">Package names.</param>
/// <param name="WithDependencies">True: everything these packages need, down to libc, so that the set runs on any Linux.</param>
internal sealed record PackageSet(string Name, string Purpose, string Suite, IReadOnlyList<string> Packages, bool WithDependencies)
{
    /// <summary>Raised when the unpacked layout changes, so that older caches are not mistaken for new ones.</summary>
    private const int Layout = 2;

    /// <summary>Written into the unpacked set once it is complete. Null where the packages are used as they are.</summary>
    public Action<string>? Finish { get; init; }

    /// <summary>
    /// True: what dpkg knows of each package is kept beside <c>root</c>, in <c>control/PACKAGE_VERSION_ARCHITECTURE</c>: the files of its
    /// control archive, and <c>list</c>, its paths. A package database can be made of it.
    /// </summary>
    public bool KeepsControl { get; init; }

    /// <summary>Folder name in the cache: changes with the definition, so two versions of vmchannel share a cache safely.</summary>
    public string FolderName
    {
        get
        {
            string definition = $"{Layout}|{Name}|{Suite}|{WithDependencies}|{string.Join(' ', Packages)}{(KeepsControl ? "|control" : "")}";
            byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(definition));
            return $"{Name}-{Convert.ToHexStringLower(hash.AsSpan(0, 4))}";
        }
    }
}
