namespace VmChannel.Device.Chardevs.Tls;

/// <summary>When the files of a <see cref="TlsSpec"/> were written and how long they are: changes when somebody renews them.</summary>
internal readonly record struct FileStamps((DateTime Written, long Bytes) Certificate, (DateTime Written, long Bytes) Key, (DateTime Written, long Bytes) Authority)
{
    public static FileStamps Take(TlsSpec spec) => new(Take(spec.CertificatePath), Take(spec.KeyPath), Take(spec.AuthorityPath));

    private static (DateTime Written, long Bytes) Take(string? path)
    {
        // A link is followed: whoever renews certificates may only move links. A missing file has a stamp of its own.
        FileInfo? file = path is null ? null : new(path);
        try
        {
            file = file?.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }

        return file is { Exists: true } ? (file.LastWriteTimeUtc, file.Length) : default;
    }
}
