using System.Buffers;
using VmChannel.Wire.UsbIp;
using Xunit;

namespace VmChannel.Wire.Tests.Fuzz;

/// <summary>Fuzz target: all that a USB/IP client sends in one connection. Nothing may throw, and lengths stay below their caps.</summary>
public static class UsbIpTarget
{
    public static void Run(ReadOnlySpan<byte> input)
    {
        int before = input.Length;
        if (UsbIpRequest.TryTake(ref input, out UsbIpRequest request) != OperationStatus.Done)
        {
            Assert.Equal(before, input.Length);
            return;
        }

        Assert.InRange(request.BusId.Length, 0, UsbIpRequest.BusIdBytes);
        OperationStatus status;
        do
        {
            before = input.Length;
            status = UsbIpCommand.TryTake(ref input, out UsbIpCommand command, out ReadOnlySpan<byte> data);
            Assert.InRange(command.DataBytes, 0, UsbIpCommand.MaxDataBytes);
            Assert.Equal(status == OperationStatus.Done ? UsbIpCommand.HeaderSize + command.DataBytes : 0, before - input.Length);
            Assert.Equal(status == OperationStatus.Done ? command.DataBytes : 0, data.Length);
        }
        while (status == OperationStatus.Done);
    }
}
