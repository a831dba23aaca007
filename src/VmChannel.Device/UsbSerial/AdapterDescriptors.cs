using System.Buffers.Binary;
using System.Runtime.InteropServices;
using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>What an adapter says of itself: descriptors, and what carriers are told of them.</summary>
/// <remarks>USB 2.0 §9.6 has the layouts. All adapters have the same endpoints for data.</remarks>
internal sealed class AdapterDescriptors
{
    public const byte InEndpoint = 0x81;
    public const byte OutEndpoint = 0x02;

    /// <summary>The interrupt endpoint of an adapter that has one.</summary>
    public const byte NotificationEndpoint = 0x83;
    public const ushort ControlPacketBytes = 64;

    /// <summary>Bytes of a bulk packet at high speed.</summary>
    public const ushort BulkPacketBytes = 512;

    /// <summary>Index of the string that has the channel's name in it.</summary>
    public const byte ProductText = 2;

    private const ushort BulkPacketBytesAtFullSpeed = 64;

    /// <summary>Milliseconds, at full speed.</summary>
    private const byte IntervalAtFullSpeed = 32;
    private const byte Manufacturer = 1;
    private const byte SerialText = 3;

    private readonly byte[] _device;
    private readonly byte[] _qualifier;
    private readonly byte[] _configuration;
    private readonly byte[] _otherSpeed;
    private readonly byte[][] _strings;
    private readonly List<ClassCode> _interfaces = [];
    private readonly List<EndpointDescriptor> _endpoints = [];

    /// <param name="vendor">idVendor.</param>
    /// <param name="product">idProduct.</param>
    /// <param name="version">bcdDevice.</param>
    /// <param name="code">The device's own class.</param>
    /// <param name="configuration">Its one configuration at high speed, whole: interfaces are numbered in turn and have no alternate settings.</param>
    /// <param name="productText">The product string.</param>
    /// <param name="serial">The serial number.</param>
    public AdapterDescriptors(ushort vendor, ushort product, ushort version, ClassCode code, ReadOnlySpan<byte> configuration, string productText, string serial)
    {
        (Vendor, Product, Version, Class) = (vendor, product, version, code);
        _device =
        [
            18, (byte)DescriptorType.Device,
            0x00, 0x02, // bcdUSB 2.00
            code.Class, code.Subclass, code.Protocol, (byte)ControlPacketBytes,
            (byte)(vendor & 0xFF), (byte)(vendor >> 8), (byte)(product & 0xFF), (byte)(product >> 8), (byte)(version & 0xFF), (byte)(version >> 8),
            Manufacturer, ProductText, SerialText, 1, // configurations
        ];
        _qualifier = [10, (byte)DescriptorType.DeviceQualifier, 0x00, 0x02, code.Class, code.Subclass, code.Protocol, (byte)ControlPacketBytes, 1, 0];
        _configuration = configuration.ToArray();
        _otherSpeed = configuration.ToArray();
        _otherSpeed[1] = (byte)DescriptorType.OtherSpeedConfiguration;
        _strings = [StringDescriptor.OfLanguages(), StringDescriptor.Of("vmchannel"), StringDescriptor.Of(productText), StringDescriptor.Of(serial)];
        for (int at = 0; at < _configuration.Length; at += _configuration[at])
        {
            Take(at);
        }
    }

    public ushort Vendor { get; }

    public ushort Product { get; }

    /// <summary>bcdDevice, by which some drivers tell what it is.</summary>
    public ushort Version { get; }

    /// <summary>The device's class.</summary>
    public ClassCode Class { get; }

    /// <summary>Classes of its interfaces, by number.</summary>
    public ReadOnlySpan<ClassCode> Interfaces => CollectionsMarshal.AsSpan(_interfaces);

    /// <summary>All but the control endpoint.</summary>
    public ReadOnlySpan<EndpointDescriptor> Endpoints => CollectionsMarshal.AsSpan(_endpoints);

    /// <summary>The guest asked for what the channel's name is in.</summary>
    public static bool IsProduct(ushort value) => value == (((byte)DescriptorType.String << 8) | ProductText);

    /// <summary>Writes a descriptor as far as it was asked for.</summary>
    /// <param name="value">wValue of the request: type and index.</param>
    /// <param name="destination">Its length is what was asked for.</param>
    /// <returns>Bytes written; −1 = there is no such descriptor.</returns>
    public int Read(ushort value, Span<byte> destination)
    {
        int index = value & 0xFF;
        return (DescriptorType)(value >> 8) switch
        {
            DescriptorType.Device when index == 0 => Put(_device, destination),
            DescriptorType.DeviceQualifier when index == 0 => Put(_qualifier, destination),
            DescriptorType.Configuration when index == 0 => Put(_configuration, destination),
            DescriptorType.OtherSpeedConfiguration when index == 0 => Put(_otherSpeed, destination),
            DescriptorType.String when index < _strings.Length => Put(_strings[index], destination),
            _ => -1,
        };
    }

    private static int Put(ReadOnlySpan<byte> descriptor, Span<byte> destination)
    {
        int count = Math.Min(descriptor.Length, destination.Length);
        descriptor[..count].CopyTo(destination);
        return count;
    }

    /// <summary>Notes what carriers want to know of an interface or an endpoint, and what differs at full speed.</summary>
    private void Take(int at)
    {
        const int PacketBytesAt = 4;
        const int IntervalAt = 6;
        ReadOnlySpan<byte> its = _configuration.AsSpan(at);
        switch ((DescriptorType)its[1])
        {
            case DescriptorType.Interface:
                _interfaces.Add(new(its[5], its[6], its[7]));
                break;
            case DescriptorType.Endpoint:
                ushort packetBytes = BinaryPrimitives.ReadUInt16LittleEndian(its[PacketBytesAt..]);
                EndpointDescriptor endpoint = new(its[2], (TransferType)its[3], packetBytes, its[IntervalAt], (byte)(_interfaces.Count - 1));
                _endpoints.Add(endpoint);
                if (endpoint.Type == TransferType.Bulk)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(_otherSpeed.AsSpan(at + PacketBytesAt), BulkPacketBytesAtFullSpeed);
                }
                else
                {
                    _otherSpeed[at + IntervalAt] = IntervalAtFullSpeed;
                }

                break;
            default:
                break;
        }
    }
}
