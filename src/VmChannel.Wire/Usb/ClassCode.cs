namespace VmChannel.Wire.Usb;

/// <summary>By which drivers find devices and interfaces that they serve, whoever made them.</summary>
/// <remarks>USB 2.0 §9.6.1 and §9.6.5; the numbers are on usb.org/defined-class-codes.</remarks>
/// <param name="Class">bDeviceClass or bInterfaceClass; 0 for a device: each of its interfaces has its own.</param>
/// <param name="Subclass">What the class says.</param>
/// <param name="Protocol">What the subclass says.</param>
public readonly record struct ClassCode(byte Class, byte Subclass, byte Protocol);
