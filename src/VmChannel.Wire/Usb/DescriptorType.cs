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
}
