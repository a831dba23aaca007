using System.Buffers.Binary;
using System.Text;

namespace VmChannel.Wire.Wayland;

/// <summary>The requests that a clipboard needs, each as its bytes.</summary>
/// <remarks>
/// The Wayland Protocol (wl_display, wl_registry); ext-data-control-v1 and wlr-data-control-unstable-v1, whose requests and events have the same
/// numbers. A descriptor that a request takes is sent beside it.
/// </remarks>
public static class WaylandRequest
{
    /// <summary>The object that is there from the beginning.</summary>
    public const uint Display = 1;

    public static byte[] Sync(uint callback) => Words(Display, 0, callback);

    public static byte[] GetRegistry(uint registry) => Words(Display, 1, registry);

    /// <summary>Makes an object of something that the registry has told of.</summary>
    public static byte[] Bind(uint registry, uint name, string type, uint version, uint id)
    {
        int text = StringBytes(type);
        byte[] request = new byte[WaylandMessage.HeaderBytes + sizeof(uint) + text + (2 * sizeof(uint))];
        Header(request, registry, 0);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(8), name);
        String(request.AsSpan(12), type);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(12 + text), version);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(16 + text), id);
        return request;
    }

    public static byte[] CreateSource(uint manager, uint source) => Words(manager, 0, source);

    public static byte[] GetDevice(uint manager, uint device, uint seat) => Words(manager, 1, device, seat);

    /// <summary>Adds a form in which a source can give what it has.</summary>
    public static byte[] Offer(uint source, string mediaType) => Named(source, 0, mediaType);

    public static byte[] DestroySource(uint source) => Words(source, 1);

    /// <summary>Makes a source the clipboard's, and what is there no longer.</summary>
    public static byte[] SetSelection(uint device, uint source) => Words(device, 0, source);

    /// <summary>As <see cref="SetSelection"/>, of what was marked with the mouse.</summary>
    public static byte[] SetPrimarySelection(uint device, uint source) => Words(device, 2, source);

    /// <summary>Asks for what is offered; the descriptor beside it is where it goes.</summary>
    public static byte[] Receive(uint offer, string mediaType) => Named(offer, 0, mediaType);

    public static byte[] DestroyOffer(uint offer) => Words(offer, 1);

    private static byte[] Named(uint target, ushort opcode, string text)
    {
        byte[] request = new byte[WaylandMessage.HeaderBytes + StringBytes(text)];
        Header(request, target, opcode);
        String(request.AsSpan(WaylandMessage.HeaderBytes), text);
        return request;
    }

    private static byte[] Words(uint target, ushort opcode, params ReadOnlySpan<uint> words)
    {
        byte[] request = new byte[WaylandMessage.HeaderBytes + (words.Length * sizeof(uint))];
        Header(request, target, opcode);
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(WaylandMessage.HeaderBytes + (i * sizeof(uint))), words[i]);
        }

        return request;
    }

    private static void Header(Span<byte> request, uint target, ushort opcode)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(request, target);
        BinaryPrimitives.WriteUInt16LittleEndian(request[4..], opcode);
        BinaryPrimitives.WriteUInt16LittleEndian(request[6..], checked((ushort)request.Length));
    }

    private static int StringBytes(string text) => sizeof(uint) + ((Encoding.UTF8.GetByteCount(text) + 1 + 3) & ~3);

    private static void String(Span<byte> destination, string text)
    {
        int bytes = Encoding.UTF8.GetBytes(text, destination[sizeof(uint)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)bytes + 1);
    }
}
