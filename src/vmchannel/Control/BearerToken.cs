using System.Security.Cryptography;
using System.Text;
using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Control;

/// <summary>The secret that clients of the TCP listener show. Only its hash is kept.</summary>
internal sealed class BearerToken
{
    private const string Scheme = "Bearer ";
    private const int MinLength = 16;
    private const int MaxFileBytes = 4096;

    private readonly byte[] _hash;

    public BearerToken(string token) => _hash = Hash(token);

    /// <summary>Reads a token's file: its first line, which nobody else may read.</summary>
    /// <exception cref="UsageException">The file cannot be used; the message says what to do.</exception>
    public static string ReadFile(string option, string path)
    {
        try
        {
            const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
            if ((File.GetUnixFileMode(path) & Others) != 0)
            {
                throw new UsageException($"{option} {path}: others may read the token: chmod 600 it");
            }

            if (new FileInfo(path).Length > MaxFileBytes)
            {
                throw new UsageException($"{option} {path}: more than {MaxFileBytes} bytes are no token");
            }

            string token = File.ReadLines(path).FirstOrDefault("").Trim();
            return token.Length >= MinLength && token.All(c => c is > ' ' and <= '~')
                ? token
                : throw new UsageException(
                    $"{option} {path}: its first line must be a token of {MinLength} printable characters or more: openssl rand -hex 32 > {path}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{option} {path}: {e.Message}");
        }
    }

    /// <summary>An Authorization header shows this token. Takes as long whatever it shows.</summary>
    public bool IsShownBy(string? authorization)
        => authorization is not null
            && authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(Hash(authorization[Scheme.Length..].Trim()), _hash);

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
