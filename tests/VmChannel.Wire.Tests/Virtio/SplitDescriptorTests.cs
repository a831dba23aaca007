using CsCheck;
using VmChannel.Wire.Virtio;
using Xunit;

namespace VmChannel.Wire.Tests.Virtio;

public sealed class SplitDescriptorTests
{
    private static readonly byte[] Wire =
    [
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, // addr
        0x00, 0x10, 0x00, 0x00, // len: 4096
        0x03, 0x00, // flags: NEXT, WRITE
        0x2A, 0x01, // next: 298
    ];

    [Fact]
    public void Read_Bytes_AreTheSpecificationsFields()
    {
        Assert.Equal(
            new SplitDescriptor(0x0102030405060708, 4096, DescriptorFlags.Next | DescriptorFlags.Write, 298), SplitDescriptor.Read(Wire));
        Assert.Equal(SplitDescriptor.Size, Wire.Length);
        byte[] again = new byte[SplitDescriptor.Size];
        SplitDescriptor.Read(Wire).Write(again);
        Assert.Equal(Wire, again);
    }

    [Fact]
    public void Read_OneByteShort_Throws()
        => Assert.Throws<ArgumentOutOfRangeException>(() => SplitDescriptor.Read(Wire.AsSpan(0, 15)));

    [Fact]
    public void Write_AnyDescriptor_IsReadBackWithUnknownFlags()
        => Gen.Select(Gen.ULong, Gen.UInt, Gen.UShort, Gen.UShort).Sample((address, length, flags, next) =>
        {
            SplitDescriptor descriptor = new(address, length, (DescriptorFlags)flags, next);
            byte[] wire = new byte[SplitDescriptor.Size];
            descriptor.Write(wire);
            Assert.Equal(descriptor, SplitDescriptor.Read(wire));
        });

    [Theory]
    [InlineData(VirtioFeatures.LogAll, 26)]
    [InlineData(VirtioFeatures.IndirectDescriptors, 28)]
    [InlineData(VirtioFeatures.EventIndex, 29)]
    [InlineData(VirtioFeatures.ProtocolFeatures, 30)]
    [InlineData(VirtioFeatures.Version1, 32)]
    [InlineData(VirtioFeatures.InOrder, 35)]
    public void Feature_Bit_IsTheSpecifications(VirtioFeatures feature, int bit) => Assert.Equal(1UL << bit, (ulong)feature);

    [Theory]
    [InlineData(ConsoleFeatures.Size, 0)]
    [InlineData(ConsoleFeatures.MultiPort, 1)]
    [InlineData(ConsoleFeatures.EmergencyWrite, 2)]
    public void ConsoleFeature_Bit_IsTheSpecifications(ConsoleFeatures feature, int bit) => Assert.Equal(1UL << bit, (ulong)feature);
}
