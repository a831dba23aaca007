namespace VmChannel.Wire.Usb;

/// <summary>Kinds of descriptors.</summary>
/// <remarks>USB 2.0 table 9-5.</remarks>
public enum DescriptorType : byte
{
    Device = 1,
    Configuration = 2,
    String = 3,
    Interface = 4,
    Endpoint = 5,

    /// <summary>What would differ at the other speed.</summary>
    DeviceQualifier = 6,
    OtherSpeedConfiguration = 7,

    /// <summary>Interfaces that are one function, for one driver (USB ECN "Interface Association Descriptor").</summary>
    InterfaceAssociation = 11,

    /// <summary>A class's own, of an interface: CS_INTERFACE (USB CDC 1.2 table 12).</summary>
    ClassInterface = 0x24,
}
