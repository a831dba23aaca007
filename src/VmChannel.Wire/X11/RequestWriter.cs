using System.Buffers.Binary;
using System.Text;

namespace VmChannel.Wire.X11;

/// <summary>The requests that a clipboard needs, each as its bytes.</summary>
/// <remarks>X Window System Protocol, "Requests", and The XFIXES Extension. All are little-endian and a multiple of four bytes long.</remarks>
public static class RequestWriter
{
    /// <summary>Bytes of a ChangeProperty before its data.</summary>
    public const int ChangePropertyBytes = 24;

    private const byte CreateWindowCode = 1;
    private const byte ChangeWindowAttributesCode = 2;
    private const byte DestroyWindowCode = 4;
    private const byte InternAtomCode = 16;
    private const byte ChangePropertyCode = 18;
    private const byte DeletePropertyCode = 19;
    private const byte GetPropertyCode = 20;
    private const byte SetSelectionOwnerCode = 22;
    private const byte GetSelectionOwnerCode = 23;
    private const byte ConvertSelectionCode = 24;
    private const byte SendEventCode = 25;
    private const byte QueryExtensionCode = 98;
    private const byte XFixesQueryVersion = 0;
    private const byte XFixesSelectSelectionInput = 2;

    private const uint EventMaskValue = 0x800; // CWEventMask
    private const uint PropertyChangeMask = 0x400000;
    private const uint InputOnly = 2;
    private const uint AllOwnerChanges = 7; // new owner, its window or its client gone

    /// <summary>A length, rounded up to whole words.</summary>
    public static int Padded(int bytes) => (bytes + 3) & ~3;

    /// <summary>A window that nobody sees, whose owner hears of changes to its properties.</summary>
    public static byte[] CreateWindow(uint window, uint root)
        => Request(CreateWindowCode, 0, window, root, 0, 0x00010001, InputOnly << 16, 0, EventMaskValue, PropertyChangeMask);

    public static byte[] DestroyWindow(uint window) => Request(DestroyWindowCode, 0, window);

    /// <summary>Asks to hear of changes to the properties of somebody else's window.</summary>
    public static byte[] WatchProperties(uint window) => Request(ChangeWindowAttributesCode, 0, window, EventMaskValue, PropertyChangeMask);

    /// <summary>Asks for the number of a name, which is given one if it has none.</summary>
    public static byte[] InternAtom(string name) => Named(InternAtomCode, name);

    public static byte[] QueryExtension(string name) => Named(QueryExtensionCode, name);

    /// <summary>Replaces a property. Data is of whole items.</summary>
    /// <param name="window">Whose.</param>
    /// <param name="property">Its name.</param>
    /// <param name="type">What it is.</param>
    /// <param name="itemBits">8 or 32: how the server is to see it.</param>
    /// <param name="data">Its value.</param>
    public static byte[] ChangeProperty(uint window, uint property, uint type, byte itemBits, ReadOnlySpan<byte> data)
    {
        byte[] request = new byte[ChangePropertyBytes + Padded(data.Length)];
        Header(request, ChangePropertyCode, 0);
        Words(request, window, property, type, itemBits, (uint)(data.Length / (itemBits / 8)));
        data.CopyTo(request.AsSpan(ChangePropertyBytes));
        return request;
    }

    public static byte[] DeleteProperty(uint window, uint property) => Request(DeletePropertyCode, 0, window, property);

    /// <summary>Asks for a property of any type, and that it be deleted when nothing is left of it.</summary>
    /// <param name="window">Whose.</param>
    /// <param name="property">Its name.</param>
    /// <param name="offset">From which word on.</param>
    /// <param name="words">How many words at most.</param>
    public static byte[] GetProperty(uint window, uint property, uint offset, uint words) => Request(GetPropertyCode, 1, window, property, 0, offset, words);

    /// <summary>Takes a selection, or gives it up.</summary>
    /// <param name="owner">0 = nobody.</param>
    /// <param name="selection">Which.</param>
    /// <param name="time">0 = now. An older time than that of the last change has no effect.</param>
    public static byte[] SetSelectionOwner(uint owner, uint selection, uint time) => Request(SetSelectionOwnerCode, 0, owner, selection, time);

    public static byte[] GetSelectionOwner(uint selection) => Request(GetSelectionOwnerCode, 0, selection);

    /// <summary>Asks a selection's owner for its value.</summary>
    public static byte[] ConvertSelection(uint requestor, uint selection, uint target, uint property, uint time)
        => Request(ConvertSelectionCode, 0, requestor, selection, target, property, time);

    /// <summary>Tells who asked for a selection's value that it has it, or (property 0) that it cannot.</summary>
    public static byte[] SendSelectionNotify(in SelectionNotify notify)
        => Request(SendEventCode, 0, notify.Requestor, 0, SelectionNotify.Code, notify.Time, notify.Requestor, notify.Selection, notify.Target, notify.Property, 0, 0);

    /// <summary>Every client of the extension begins with this.</summary>
    public static byte[] QueryXFixes(byte extension) => Request(extension, XFixesQueryVersion, 5, 0);

    /// <summary>Asks to hear of each new owner of a selection.</summary>
    public static byte[] WatchSelection(byte extension, uint window, uint selection) => Request(extension, XFixesSelectSelectionInput, window, selection, AllOwnerChanges);

    private static byte[] Named(byte code, string name)
    {
        byte[] request = new byte[8 + Padded(name.Length)];
        Header(request, code, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(4), (ushort)name.Length);
        _ = Encoding.ASCII.GetBytes(name, request.AsSpan(8));
        return request;
    }

    private static byte[] Request(byte code, byte detail, params ReadOnlySpan<uint> words)
    {
        byte[] request = new byte[sizeof(uint) * (1 + words.Length)];
        Header(request, code, detail);
        Words(request, words);
        return request;
    }

    private static void Header(Span<byte> request, byte code, byte detail)
    {
        request[0] = code;
        request[1] = detail;
        BinaryPrimitives.WriteUInt16LittleEndian(request[2..], checked((ushort)(request.Length / sizeof(uint))));
    }

    private static void Words(Span<byte> request, params ReadOnlySpan<uint> words)
    {
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(request[(sizeof(uint) * (1 + i))..], words[i]);
        }
    }
}
