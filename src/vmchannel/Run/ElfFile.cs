using System.Buffers.Binary;
using System.Text;

namespace VmChannel.Cli.Run;

/// <summary>What an initramfs needs to know of an ELF file: the libraries a program loads, the modules a module needs.</summary>
/// <remarks>64-bit little-endian only. Field offsets: System V ABI, ELF-64 object file format.</remarks>
internal sealed class ElfFile
{
    private const uint SegmentInterpreter = 3;
    private const ulong TagNeeded = 1;
    private const uint SectionDynamic = 6;

    private readonly byte[] _bytes;
    private readonly string _path;

    private ElfFile(string path, byte[] bytes)
    {
        _path = path;
        _bytes = bytes;
    }

    /// <exception cref="InvalidDataException">Not a 64-bit little-endian ELF file.</exception>
    public static ElfFile Read(string path) => Parse(path, File.ReadAllBytes(path));

    public static ElfFile Parse(string path, byte[] bytes)
    {
        ReadOnlySpan<byte> identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1];
        return bytes.AsSpan().StartsWith(identification) && bytes.Length >= 64
            ? new(path, bytes)
            : throw new InvalidDataException($"{path} is not a 64-bit little-endian ELF file");
    }

    /// <summary>The dynamic loader's path; null for a static program or a library.</summary>
    public string? Interpreter()
    {
        int count = Half(56);
        for (int index = 0; index < count; index++)
        {
            ulong header = Wide(32) + ((ulong)index * Half(54));
            if (Word(header) == SegmentInterpreter)
            {
                return Text(Wide(header + 8));
            }
        }

        return null;
    }

    /// <summary>Names of the libraries it needs (DT_NEEDED), in order.</summary>
    public IReadOnlyList<string> Needed()
    {
        List<string> names = [];
        foreach (ulong section in Sections())
        {
            if (Word(section + 4) != SectionDynamic)
            {
                continue;
            }

            ulong strings = Wide(SectionHeader(Word(section + 40)) + 24);
            ulong end = Wide(section + 24) + Wide(section + 32);
            for (ulong entry = Wide(section + 24); entry + 16 <= end; entry += 16)
            {
                if (Wide(entry) == TagNeeded)
                {
                    names.Add(Text(strings + Wide(entry + 8)));
                }
            }
        }

        return names;
    }

    /// <summary>A kernel module's information: <c>key=value</c> strings of its section .modinfo.</summary>
    public IReadOnlyList<string> ModuleInformation()
    {
        ulong names = Wide(SectionHeader(Half(62)) + 24);
        foreach (ulong section in Sections())
        {
            if (Text(names + Word(section)) == ".modinfo")
            {
                ReadOnlySpan<byte> content = Slice(Wide(section + 24), Wide(section + 32));
                return Encoding.UTF8.GetString(content).Split('\0', StringSplitOptions.RemoveEmptyEntries);
            }
        }

        return [];
    }

    private IEnumerable<ulong> Sections()
    {
        uint count = Half(60);
        for (uint index = 0; index < count; index++)
        {
            yield return SectionHeader(index);
        }
    }

    private ulong SectionHeader(uint index) => Wide(40) + ((ulong)index * Half(58));

    private ushort Half(ulong offset) => BinaryPrimitives.ReadUInt16LittleEndian(Slice(offset, 2));

    private uint Word(ulong offset) => BinaryPrimitives.ReadUInt32LittleEndian(Slice(offset, 4));

    private ulong Wide(ulong offset) => BinaryPrimitives.ReadUInt64LittleEndian(Slice(offset, 8));

    private string Text(ulong offset)
    {
        ReadOnlySpan<byte> rest = Slice(offset, (ulong)_bytes.Length - Math.Min(offset, (ulong)_bytes.Length));
        int end = rest.IndexOf((byte)0);
        return end < 0 ? throw Broken() : Encoding.UTF8.GetString(rest[..end]);
    }

    private ReadOnlySpan<byte> Slice(ulong offset, ulong length) =>
        offset <= (ulong)_bytes.Length && length <= (ulong)_bytes.Length - offset
            ? _bytes.AsSpan((int)offset, (int)length)
            : throw Broken();

    private InvalidDataException Broken() => new($"{_path} is a damaged ELF file");
}
