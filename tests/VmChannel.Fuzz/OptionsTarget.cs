using System.Text;
using VmChannel.Device.Options;
using VmChannel.Device.Services;

namespace VmChannel.Fuzz;

/// <summary>Any bytes as the text of <c>-virtioserial</c> and <c>-virtconsole</c>, and of a change to each.</summary>
public static class OptionsTarget
{
    public static void Run(ReadOnlySpan<byte> input)
    {
        string text = Encoding.UTF8.GetString(input);
        PortTable table = new(31, ServiceCatalog.All);
        if (PortOptions.TryParseSerial(text, ServiceCatalog.All, out PortRequest? serial, out _))
        {
            Add(table, serial, text);
        }

        if (PortOptions.TryParseConsole(text, ServiceCatalog.All, out PortRequest? console, out _))
        {
            Add(table, console, text);
        }
    }

    private static void Add(PortTable table, PortRequest request, string text)
    {
        if (table.TryAdd(request, out PortPlan? plan, out _) && PortOptions.TryParseChange(text, plan, ServiceCatalog.All, out PortPlan? changed, out _))
        {
            _ = table.TryReplace(changed, out _);
        }
    }
}
