using System.Globalization;

namespace VmChannel.Cli.Args;

/// <summary>The xHCI controllers that QEMU gives a guest for USB adapters, and the adapters on them.</summary>
internal static class UsbController
{
    /// <summary>Beyond its ports QEMU would put a hub, which is too slow for the adapters.</summary>
    private const int Ports = 15;

    /// <summary>Options of QEMU and their values.</summary>
    /// <param name="prefix">What the ids of devices begin with.</param>
    /// <param name="sockets">Where each adapter is fetched, in the words of a socket chardev.</param>
    public static IReadOnlyList<(string Option, string Value)> Arguments(string prefix, IReadOnlyList<string> sockets)
    {
        List<(string Option, string Value)> arguments = [];
        for (int index = 0; index < sockets.Count; index++)
        {
            string controller = string.Create(CultureInfo.InvariantCulture, $"{prefix}-xhci{index / Ports}");
            string adapter = string.Create(CultureInfo.InvariantCulture, $"{prefix}-usb{index}");
            if (index % Ports == 0)
            {
                arguments.Add(("-device", string.Create(CultureInfo.InvariantCulture, $"qemu-xhci,id={controller},p2={Ports},p3={Ports}")));
            }

            arguments.Add(("-chardev", $"socket,id={adapter},{sockets[index]}"));
            arguments.Add(("-device", $"usb-redir,chardev={adapter},bus={controller}.0"));
        }

        return arguments;
    }
}
