using VmChannel.Testing;
using VmChannel.Wire.Usb;
using VmChannel.Wire.UsbIp;
using Xunit;

namespace VmChannel.Device.Tests.UsbIp;

/// <summary>What a client costs that asks and does not read. Alone, because it counts what the process holds.</summary>
[Collection("alone")]
public sealed class UsbIpMemoryTests
{
    [Fact]
    public void Flood_WithoutReadingAnAnswer_StopsBeingReadAndGoesOnWhenItReads()
    {
        using UsbIpRig rig = new();
        using UsbIpClient client = rig.Open();
        SetupPacket read = new(0x80, 6, 0x0100, 0, 18);
        byte[] question = client.Command(UsbIpKind.Submit);
        question[15] = 1; // in
        question[27] = 18;
        (question[40], question[41], question[43], question[46]) = (read.RequestType, read.Request, 1, 18);
        const int Count = 400_000; // 19 MB of questions, 26 MB of answers
        byte[] questions = [.. Enumerable.Repeat(question, Count).SelectMany(each => each)];
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long sent = client.Flood(questions);
        Assert.InRange(sent, 1, questions.Length - 1);
        long grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(grown < 4 << 20, $"{grown} bytes more are held");

        long whole = (sent + question.Length - 1) / question.Length;
        for (long i = 0; i < whole; i++)
        {
            // Not before there is room again for the rest of a question.
            if (i == whole / 2)
            {
                client.Send(questions.AsSpan((int)sent, (int)(question.Length - (sent % question.Length)) % question.Length));
            }

            (UsbIpReply reply, byte[] data) = client.ReadReply(isIn: true);
            Assert.Equal((UsbIpStatus.Good, 18), (reply.Status, data.Length));
        }

        Assert.Equal(UsbIpStatus.Good, client.Control(0x80, 6, 0x0100, length: 18).Status);
    }
}
