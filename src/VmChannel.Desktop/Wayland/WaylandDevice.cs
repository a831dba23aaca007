using VmChannel.Wire.Wayland;

namespace VmChannel.Desktop.Wayland;

/// <summary>A seat's clipboards, as data control gives them to programs without a window.</summary>
/// <param name="Manager">The object that makes sources.</param>
/// <param name="Device">The object whose events tell who copied.</param>
/// <param name="HasPrimary">It knows the primary selection.</param>
internal sealed record WaylandDevice(uint Manager, uint Device, bool HasPrimary)
{
    private const string Ext = "ext_data_control_manager_v1";
    private const string Wlr = "zwlr_data_control_manager_v1";
    private const string SeatType = "wl_seat";
    private const uint PrimaryVersion = 2;

    /// <summary>Finds data control and the first seat. Before anybody else receives.</summary>
    /// <exception cref="IOException">The compositor has none.</exception>
    public static WaylandDevice Open(WaylandConnection connection)
    {
        Dictionary<string, (uint Name, uint Version)> globals = [];
        uint registry = connection.NewObject();
        uint listed = connection.NewObject();
        connection.Send(WaylandRequest.GetRegistry(registry));
        connection.Send(WaylandRequest.Sync(listed));
        while (true)
        {
            WaylandMessage message = new(connection.Next());
            ReadOnlySpan<byte> arguments = message.Arguments;
            if (message.Target == listed)
            {
                break;
            }

            if (message.Target == registry && message.Opcode == 0 && WaylandMessage.TryTakeWord(ref arguments, out uint name)
                && WaylandMessage.TryTakeString(ref arguments, out string type) && type is Ext or Wlr or SeatType
                && WaylandMessage.TryTakeWord(ref arguments, out uint version))
            {
                _ = globals.TryAdd(type, (name, version));
            }
        }

        bool isExt = globals.TryGetValue(Ext, out (uint Name, uint Version) control);
        if (!isExt && !globals.TryGetValue(Wlr, out control))
        {
            throw new IOException(
                $"compositor {connection.Display} has no data control ({Ext} or {Wlr}), which gives the clipboard to programs without a window: "
                + "sway, others made of wlroots and KDE Plasma have it, GNOME does not");
        }

        if (!globals.TryGetValue(SeatType, out (uint Name, uint Version) seat))
        {
            throw new IOException($"compositor {connection.Display} has no seat, so there is no clipboard");
        }

        uint controlVersion = isExt ? 1 : Math.Min(control.Version, PrimaryVersion);
        (uint seatId, uint manager, uint device) = (connection.NewObject(), connection.NewObject(), connection.NewObject());
        connection.Send(WaylandRequest.Bind(registry, seat.Name, SeatType, 1, seatId));
        connection.Send(WaylandRequest.Bind(registry, control.Name, isExt ? Ext : Wlr, controlVersion, manager));
        connection.Send(WaylandRequest.GetDevice(manager, device, seatId));
        return new(manager, device, isExt || controlVersion >= PrimaryVersion);
    }
}
