using System.Text;
using VmChannel.Device.Options;
using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Options;

/// <summary>Fuzz target: any bytes as the text of <c>-virtioserial</c> and <c>-virtconsole</c>.</summary>
public sealed class OptionStringTarget
{
    internal static void Run(ReadOnlySpan<byte> input)
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

    [Theory]
    [InlineData("port=4,protocol=org.a,char=socket,host=h,port=4444,nodelay=on,on-disconnect=hold")]
    [InlineData("protocol=org.a,char=unix:@n,server,wait")]
    [InlineData(",,,=,")]
    public void Run_Seed_DoesNotThrow(string seed)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(seed);
        for (int length = 0; length <= bytes.Length; length++)
        {
            Run(bytes.AsSpan(0, length));
        }
    }
}
