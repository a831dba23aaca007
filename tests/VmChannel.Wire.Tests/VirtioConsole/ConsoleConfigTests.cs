using VmChannel.Wire.VirtioConsole;
using Xunit;

namespace VmChannel.Wire.Tests.VirtioConsole;

public sealed class ConsoleConfigTests
{
    [Fact]
    public void Write_Fields_AreTheSpecificationsBytes()
    {
        byte[] wire = new byte[ConsoleConfig.Size];
        wire.AsSpan().Fill(0xCC);
        new ConsoleConfig(80, 25, 0x01020304).Write(wire);
        Assert.Equal(
            [
                80, 0, // cols
                25, 0, // rows
                4, 3, 2, 1, // max_nr_ports
                0, 0, 0, 0, // emerg_wr
            ],
            wire);
        Assert.Equal(8, ConsoleConfig.EmergencyWriteOffset);
    }

    [Fact]
    public void Write_OneByteShort_Throws()
        => Assert.Throws<ArgumentOutOfRangeException>(() => new ConsoleConfig(1, 2, 3).Write(new byte[11]));
}
