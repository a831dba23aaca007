namespace VmChannel.Device.Tests.Fuzzing;

#pragma warning disable CA5394 // reproducible, not secret

/// <summary>New inputs from old ones: flips, numbers at their edges, pieces copied, cut, repeated and joined. The same for the same seed.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> corpus, int seed)
{
    private const int MaxBytes = 4096;
    private static readonly ulong[] Edges = [0, 1, 2, 7, 8, 15, 16, 255, 256, 4095, 4096, 65535, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, ulong.MaxValue];
    private readonly Random _random = new(seed);

    public byte[] Next()
    {
        List<byte> bytes = [.. Pick()];
        for (int changes = _random.Next(1, 6); changes > 0; changes--)
        {
            Change(bytes);
        }

        return [.. bytes.Take(MaxBytes)];
    }

    private byte[] Pick() => corpus[_random.Next(corpus.Count)];

    private void Change(List<byte> bytes)
    {
        int at = _random.Next(bytes.Count + 1);
        int length = Math.Min(_random.Next(1, 40), bytes.Count - at);
        switch (_random.Next(7))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = (byte)_random.Next(256);
                break;
            case 2:
                ulong edge = Edges[_random.Next(Edges.Length)];
                for (int i = 0; i < 1 << _random.Next(4) && at + i < bytes.Count; i++)
                {
                    bytes[at + i] = unchecked((byte)(edge >> (8 * i)));
                }

                break;
            case 3:
                bytes.RemoveRange(at, length);
                break;
            case 4:
                bytes.InsertRange(_random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 5:
                byte[] other = Pick();
                int from = _random.Next(other.Length);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(64, other.Length - from)).ToArray());
                break;
            default:
                bytes.AddRange(Pick().Skip(1));
                break;
        }
    }
}
