using System.Security.Cryptography;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>Serial adapters as far as a pseudo-terminal goes; carriers and real unplugging are for a guest.</summary>
public sealed class UsbSerialTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly PseudoTerminal _terminal = PseudoTerminal.Open();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _terminal.Dispose();

    [Fact]
    public async Task Stream_EveryByteValue_ComesThrough()
    {
        // As a login shell would leave the terminal.
        await using (Stream echoing = File.Open(_terminal.SlavePath, FileMode.Open, FileAccess.ReadWrite))
        {
            using FileDescriptor slave = OpenSlave();
            Assert.True(TerminalLine.SetUtf8(slave).IsSuccess);
        }

        await using ChannelStream stream = Open();
        Assert.True(stream.IsHostOpen);
        Assert.Equal(ChannelTransport.UsbSerial, stream.Transport);
        byte[] all = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];
        byte[] received = new byte[256];
        await stream.WriteAsync(all, Stop);
        ReadMaster(received);
        Assert.Equal(all, received);
        Assert.True(_terminal.Master.Write(all).IsSuccess);
        await stream.ReadExactlyAsync(received, Stop);
        Assert.Equal(all, received);
    }

    [Fact]
    public async Task Write_MoreThanThereIsRoomFor_ArrivesWhole()
    {
        await using ChannelStream stream = Open();
        byte[] sent = RandomNumberGenerator.GetBytes(200_000);
        byte[] received = new byte[sent.Length];
        Task write = stream.WriteAsync(sent, Stop).AsTask();
        await Task.Run(() => ReadMaster(received), Stop).WaitAsync(Patience, Stop);
        await write.WaitAsync(Patience, Stop);
        Assert.Equal(sent, received);
    }

    [Fact]
    public async Task Open_Twice_IsBusy()
    {
        await using (ChannelStream stream = Open())
        {
            ChannelBusyException fault = Assert.Throws<ChannelBusyException>(Open);
            Assert.Contains(_terminal.SlavePath, fault.Message, StringComparison.Ordinal);
        }

        await Open().DisposeAsync();
    }

    [Fact]
    public async Task HungUp_WhileOthersWait_IsUnplugged()
    {
        await using ChannelStream stream = Open();
        Task read = stream.ReadAsync(new byte[1], Stop).AsTask();
        Task write = stream.WriteAsync(new byte[200_000], Stop).AsTask();
        _terminal.Master.Dispose();
        await Assert.ThrowsAsync<ChannelUnpluggedException>(() => read.WaitAsync(Patience, Stop));
        await Assert.ThrowsAsync<ChannelUnpluggedException>(() => write.WaitAsync(Patience, Stop));
        Assert.False(stream.IsHostOpen);
    }

    [Theory]
    [InlineData(false, true, 1, 0)]
    [InlineData(true, false, 1, 0)]
    [InlineData(true, true, 2, 1)]
    [InlineData(false, false, 2, 1)]
    [InlineData(true, false, 3, 1)]
    [InlineData(false, true, 3, 1)]
    [InlineData(true, true, 20, 10)]
    [InlineData(true, true, 1, 0)]
    [InlineData(false, false, 1, 0)]
    [InlineData(true, true, 3, 1)]
    public void CountFlaps_ChangesOfTheCarrier_AreOpenings(bool was, bool isOpen, int changes, int expected) =>
        Assert.Equal(expected, UsbSerialFile.CountFlaps(was, isOpen, changes));

    private ChannelStream Open() => ChannelOpening.Open(
        new() { Name = "org.example.usb", Transport = ChannelTransport.UsbSerial, DevicePath = _terminal.SlavePath }, HostCloseBehavior.EndStream);

    private FileDescriptor OpenSlave()
    {
        FileDescriptor.Open(_terminal.SlavePath, OpenFlags.ReadWrite | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? slave).OrThrow("open");
        return slave!;
    }

    private void ReadMaster(Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            Span<PollEntry> entries = [new(_terminal.Master.Number, PollEvents.In)];
            _ = Poll.Wait(entries, Patience);
            PosixResult read = _terminal.Master.Read(destination);
            destination = destination[(read.IsAgain ? 0 : read.OrThrow("read the master"))..];
        }
    }
}
