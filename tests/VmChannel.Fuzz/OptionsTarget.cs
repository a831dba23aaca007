using System.Text;
using VmChannel.Device.Options;
using VmChannel.Device.Services;

namespace VmChannel.Fuzz;

/// <summary>Any bytes as the text of <c>-virtioserial</c> and <c>-virtconsole</c>.</summary>
public static class OptionsTarget
{
    public static void Run(ReadOnlySpan<byte> input)
    {
        string text = Encoding.UTF8.GetString(input);
        PortTable table = new(31, ServiceCatalog.All);
        if (PortOptions.TryParseSerial(text, ServiceCatalog.All, out PortRequest? serial, out _))
        {
            _ = table.TryAdd(serial, out _, out _);
        }

        if (PortOptions.TryParseConsole(text, ServiceCatalog.All, out PortRequest? console, out _))
        {
            _ = table.TryAdd(console, out _, out _);
        }
    }
}
