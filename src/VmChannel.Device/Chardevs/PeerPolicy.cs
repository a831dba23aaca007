using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary>Which processes of this machine a unix server takes as clients (<c>allow=uid:1000/gid:adm</c>). Nobody else, root neither.</summary>
public sealed class PeerPolicy : IEquatable<PeerPolicy>
{
    /// <summary>Between two rules.</summary>
    public const char Separator = '/';

    private const int MostRules = 64;

    private readonly SortedSet<uint> _users = [];
    private readonly SortedSet<uint> _groups = [];

    private PeerPolicy()
    {
    }

    /// <summary>These users and nobody else.</summary>
    public static PeerPolicy ForUsers(params ReadOnlySpan<uint> users)
    {
        PeerPolicy policy = new();
        foreach (uint user in users)
        {
            _ = policy._users.Add(user);
        }

        return policy;
    }

    /// <summary>Reads rules. Names are looked up here, once; that may wait for a directory service.</summary>
    /// <param name="text">Such as <c>uid:1000/gid:adm</c>.</param>
    /// <param name="policy">The rules together: one that fits is enough.</param>
    /// <param name="error">The rest of a sentence that begins with the option.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out PeerPolicy? policy, [NotNullWhen(false)] out string? error)
    {
        PeerPolicy read = new();
        string[] rules = text.Split(Separator);
        error = rules.Length > MostRules ? $"at most {MostRules} rules: use a group" : null;
        foreach (string rule in rules)
        {
            error ??= read.Add(rule);
        }

        policy = error is null ? read : null;
        return error is null;
    }

    /// <summary>The user fits, or one of the groups.</summary>
    /// <param name="peer">Who connected.</param>
    /// <param name="groups">Its supplementary groups.</param>
    public bool Admits(PeerCredentials peer, ReadOnlySpan<uint> groups)
    {
        if (_users.Contains(peer.Uid) || _groups.Contains(peer.Gid))
        {
            return true;
        }

        foreach (uint group in groups)
        {
            if (_groups.Contains(group))
            {
                return true;
            }
        }

        return false;
    }

    public bool Equals(PeerPolicy? other) => other is not null && _users.SetEquals(other._users) && _groups.SetEquals(other._groups);

    public override bool Equals(object? obj) => Equals(obj as PeerPolicy);

    public override int GetHashCode() => HashCode.Combine(_users.Count, _groups.Count, _users.FirstOrDefault(), _groups.FirstOrDefault());

    /// <summary>Numbers only: <c>uid:1000/gid:4</c>.</summary>
    public override string ToString() => string.Join(Separator, [.. _users.Select(id => Rule("uid", id)), .. _groups.Select(id => Rule("gid", id))]);

    private static string Rule(string kind, uint id) => string.Create(CultureInfo.InvariantCulture, $"{kind}:{id}");

    private string? Add(string rule)
    {
        int colon = rule.IndexOf(':', StringComparison.Ordinal);
        string kind = colon < 0 ? "" : rule[..colon];
        string name = rule[(colon + 1)..];
        if (kind is not ("uid" or "gid") || name.Length == 0)
        {
            return $"'{rule}' is no rule: say uid:1000, uid:NAME, gid:100 or gid:NAME, with {Separator} between several";
        }

        Errno failure = Errno.None;
        bool isUser = kind == "uid";
        if (Number(name) is not uint id)
        {
            if ((isUser ? AccountNames.FindUser(name, out failure) : AccountNames.FindGroup(name, out failure)) is not uint found)
            {
                string what = isUser ? "user" : "group";
                return failure == Errno.None
                    ? $"there is no {what} {name} on this machine"
                    : $"cannot look the {what} {name} up: {new PosixResult(-1, failure).Message}; give the number";
            }

            id = found;
        }

        _ = (isUser ? _users : _groups).Add(id);
        return null;
    }

    /// <summary>The largest number means nobody: the system's "no change".</summary>
    private static uint? Number(string text)
        => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) && id != uint.MaxValue ? id : null;
}
