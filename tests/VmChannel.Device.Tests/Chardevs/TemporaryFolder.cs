using System.Security.Cryptography;

namespace VmChannel.Device.Tests.Chardevs;

/// <summary>A folder with a short name, gone at the end of a test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("vmch").FullName;

    public string this[string name] => Path.Combine(_path, name);

    public static byte[] RandomBytes(int count) => RandomNumberGenerator.GetBytes(count);

    public bool IsEmpty => !Directory.EnumerateFileSystemEntries(_path).Any();

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
