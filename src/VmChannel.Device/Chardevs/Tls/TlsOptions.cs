namespace VmChannel.Device.Chardevs.Tls;

/// <summary>What the <c>tls…</c> keys of a chardev mean together.</summary>
internal static class TlsOptions
{
    /// <summary>The switch; any of <see cref="TextKeys"/> turns it on as well.</summary>
    public const string Switch = "tls";

    /// <summary>Between the names of <c>tls-allow=</c>.</summary>
    public const char Separator = '/';

    public static IReadOnlyList<string> TextKeys { get; } = ["tls-cert", "tls-key", "tls-ca", "tls-name", "tls-allow"];

    /// <summary>Null when no TLS was asked for, or something is wrong, which <paramref name="values"/> then knows.</summary>
    /// <param name="values">The chardev's.</param>
    /// <param name="isServer">We listen.</param>
    /// <param name="isImplied">The chardev's kind says TLS already.</param>
    public static TlsSpec? Read(ChardevValues values, bool isServer, bool isImplied)
    {
        string? given = TextKeys.FirstOrDefault(values.Has);
        bool isOn = values.Switch(Switch, isImplied || given is not null);
        TlsSpec spec = new(
            values.OptionalText("tls-cert"),
            values.OptionalText("tls-key"),
            values.OptionalText("tls-ca"),
            values.OptionalText("tls-name"),
            values.OptionalText("tls-allow"));
        string? fault = !isOn ? given is null && !isImplied ? null : $"tls=off does not go with {given ?? "wss"}{(given is null ? "" : "=")}"
            : isServer && spec.CertificatePath is null ? "tls-cert is missing: a server needs a certificate: write tls-cert=FILE,tls-key=FILE"
            : spec.KeyPath is not null && spec.CertificatePath is null ? "tls-key= needs tls-cert=: write tls-cert=FILE"
            : isServer && spec.ServerName is not null ? "tls-name= is for a client: to choose who may connect write tls-allow=NAME"
            : !isServer && spec.AllowedNames is not null ? "tls-allow= is for a server: to say who the server is write tls-name=NAME"
            : spec.AllowedNames is not null && spec.AuthorityPath is null ? "tls-allow= needs tls-ca=: names count only in certificates that are checked"
            : null;
        if (fault is not null)
        {
            values.Fail(fault);
        }

        return isOn && fault is null ? spec : null;
    }
}
