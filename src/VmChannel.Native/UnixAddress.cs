using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace VmChannel.Native;

/// <summary>Where a unix socket is: a path, or a name in the abstract namespace that no file stands for.</summary>
public sealed class UnixAddress : IEquatable<UnixAddress>
{
    private const int FamilyBytes = 2;
    private const int NameBytes = 108;
    private const byte FamilyUnix = 1;

    private readonly byte[] _encoded;

    private UnixAddress(string name, bool isAbstract, byte[] encoded)
    {
        Name = name;
        IsAbstract = isAbstract;
        _encoded = encoded;
    }

    /// <summary>The path, or the abstract name without its leading zero byte.</summary>
    public string Name { get; }

    public bool IsAbstract { get; }

    /// <summary>The bytes of <c>struct sockaddr_un</c> that count.</summary>
    public ReadOnlySpan<byte> Encoded => _encoded;

    /// <summary>Takes a path or a name, or says why the system would not.</summary>
    /// <param name="name">The path or the name.</param>
    /// <param name="isAbstract">It is a name in the abstract namespace.</param>
    /// <param name="isTight">An abstract name ends with its last character (QEMU's <c>tight=on</c>, the usual way) and is not padded with zeros.</param>
    /// <param name="address">The address when true is returned.</param>
    /// <param name="reason">Otherwise the rest of a sentence that starts with the name.</param>
    public static bool TryCreate(
        string name, bool isAbstract, bool isTight, [NotNullWhen(true)] out UnixAddress? address, [NotNullWhen(false)] out string? reason)
    {
        address = null;
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        reason = bytes.Length == 0 ? "is empty"
            : bytes.Length > NameBytes - 1 ? $"is {bytes.Length} bytes long; a unix socket's name has at most {NameBytes - 1}"
            : bytes.Contains((byte)0) ? "contains a zero byte"
            : null;
        if (reason is not null)
        {
            return false;
        }

        // A path ends with a zero byte; an abstract name begins with one.
        int length = isAbstract && !isTight ? NameBytes : bytes.Length + 1;
        byte[] encoded = new byte[FamilyBytes + length];
        encoded[0] = FamilyUnix;
        bytes.CopyTo(encoded, isAbstract ? FamilyBytes + 1 : FamilyBytes);
        address = new(name, isAbstract, encoded);
        return true;
    }

    /// <summary>The system would find the same socket; a path is compared as it was written.</summary>
    public bool Equals(UnixAddress? other) => other is not null && Encoded.SequenceEqual(other.Encoded);

    public override bool Equals(object? obj) => Equals(obj as UnixAddress);

    public override int GetHashCode() => HashCode.Combine(Name, IsAbstract);

    /// <summary><c>/run/a.sock</c> or <c>@name</c>.</summary>
    public override string ToString() => IsAbstract ? $"@{Name}" : Name;
}
