using VmChannel.Native;

namespace VmChannel.Guest;

/// <summary>Opens a channel's device and says in the library's words why it cannot.</summary>
internal static class ChannelOpening
{
    /// <exception cref="ChannelException">It cannot be opened.</exception>
    public static ChannelStream Open(ChannelInfo channel, HostCloseBehavior onHostClose)
    {
        ChannelFile file = channel.Transport switch
        {
            ChannelTransport.UnixSocket => OpenSocket(channel, onHostClose),
            ChannelTransport.UsbSerial => OpenUsbSerial(channel),
            _ => OpenPort(channel),
        };
        return new(new OpenChannel(channel, onHostClose, file));
    }

    private static VirtioPortFile OpenPort(ChannelInfo channel)
    {
        PosixResult result = FileDescriptor.Open(channel.DevicePath, OpenFlags.ReadWrite | OpenFlags.NonBlocking, 0, out FileDescriptor? port);
        return port is not null ? new(channel, port) : throw Failure(channel, result);
    }

    private static UsbSerialFile OpenUsbSerial(ChannelInfo channel)
    {
        const OpenFlags Flags = OpenFlags.ReadWrite | OpenFlags.NonBlocking | OpenFlags.NoControllingTerminal;
        PosixResult result = FileDescriptor.Open(channel.DevicePath, Flags, 0, out FileDescriptor? tty);
        if (tty is not null)
        {
            result = SerialLine.Claim(tty);
            result = result.IsSuccess ? SerialLine.SetUp(tty) : result;
            if (result.IsSuccess)
            {
                // The driver has raised them, unless somebody had them down since.
                _ = SerialLine.TurnOn(tty, ModemLines.DataTerminalReady | ModemLines.RequestToSend);
                return new(channel, tty);
            }

            tty.Dispose();
        }

        throw Failure(channel, result);
    }

    private static SocketFile OpenSocket(ChannelInfo channel, HostCloseBehavior onHostClose)
    {
        if (!UnixAddress.TryCreate(channel.DevicePath, isAbstract: false, isTight: false, out UnixAddress? address, out string? reason))
        {
            throw new ChannelException(channel.Name, $"{channel.DevicePath} {reason}: set {SocketFolder.Variable} to a shorter path");
        }

        PosixResult result = StreamSocket.Connect(address, out FileDescriptor? socket);
        return result.IsSuccess || result.Error == Errno.ConnectionRefused
            ? new(channel, address, socket, isLasting: onHostClose == HostCloseBehavior.Continue)
            : throw Failure(channel, result);
    }

    private static ChannelException Failure(ChannelInfo channel, PosixResult result)
    {
        string name = channel.Name;
        string shown = $"{name} ({channel.DevicePath})";
        return result.Error switch
        {
            Errno.Busy => new ChannelBusyException(name, $"{shown} is in use: another program has it open, and a channel takes one at a time; close that one first"),
            Errno.Again => new ChannelBusyException(name, $"{shown} is in use: its listener takes no more connections"),
            Errno.NoSuchDeviceOrAddress when channel.Transport == ChannelTransport.VirtioSerial => new ChannelException(
                name, $"{shown} is a console, not a channel: its device is /dev/hvc0 or a higher number"),
            Errno.NotFound or Errno.NoDevice or Errno.NoSuchDeviceOrAddress or Errno.InputOutput => new ChannelNotFoundException(name, $"{shown} was unplugged just now"),
            Errno.AccessDenied or Errno.Permission => new ChannelAccessDeniedException(
                name, $"{shown}: permission denied; the user must be root or in the group {AccessGroup.Name} (vmchannel-guest doctor has the exact fix)"),
            _ => new ChannelException(name, $"{shown}: cannot open: {result.Message}"),
        };
    }
}
