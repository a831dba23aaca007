using CsCheck;
using VmChannel.Wire.VhostUser;
using Xunit;

namespace VmChannel.Wire.Tests.VhostUser;

public sealed class VhostUserHeaderTests
{
    private static readonly byte[] GetConfigAsked =
    [
        24, 0, 0, 0, // request: VHOST_USER_GET_CONFIG
        9, 0, 0, 0, // flags: version 1, NEED_REPLY
        0x18, 0, 0, 0, // size: 24
    ];

    [Fact]
    public void TryRead_RequestThatAsks_SaysSo()
    {
        Assert.True(VhostUserHeader.TryRead(GetConfigAsked, out VhostUserHeader header));
        Assert.Equal(VhostUserRequest.GetConfig, (VhostUserRequest)header.Request);
        Assert.Equal(24u, header.PayloadBytes);
        Assert.True(header.NeedsReply);
        Assert.False(header.IsReply);
    }

    [Fact]
    public void Reply_Of8Bytes_HasVersionAndReplyFlag()
    {
        byte[] wire = new byte[VhostUserHeader.Size];
        VhostUserHeader.Reply(1, 8).Write(wire);
        Assert.Equal(
            [
                1, 0, 0, 0, // request: VHOST_USER_GET_FEATURES
                5, 0, 0, 0, // flags: version 1, REPLY
                8, 0, 0, 0, // size
            ],
            wire);
    }

    [Fact]
    public void Ask_WithAndWithoutReply_DiffersInOneFlag()
    {
        byte[] wire = new byte[VhostUserHeader.Size];
        VhostUserHeader.Ask(2, 0).Write(wire);
        Assert.Equal([2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], wire);
        VhostUserHeader.Ask(2, 0, needsReply: true).Write(wire);
        Assert.Equal([2, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0], wire);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(2u)]
    [InlineData(3u)]
    [InlineData(0xFFFFFFFCu)]
    public void TryRead_AnotherVersion_IsRefused(uint flags)
    {
        byte[] wire = new byte[VhostUserHeader.Size];
        new VhostUserHeader(1, flags, 0).Write(wire);
        Assert.False(VhostUserHeader.TryRead(wire, out _));
    }

    [Theory]
    [InlineData(4096u, true)]
    [InlineData(4097u, false)]
    [InlineData(0x80000000u, false)]
    [InlineData(0xFFFFFFFFu, false)]
    public void TryRead_PayloadAroundTheCap_IsAcceptedUpToIt(uint payload, bool expected)
    {
        byte[] wire = new byte[VhostUserHeader.Size];
        new VhostUserHeader(1, 1, payload).Write(wire);
        Assert.Equal(expected, VhostUserHeader.TryRead(wire, out _));
    }

    [Fact]
    public void TryRead_UnknownRequest_KeepsItsNumber()
    {
        byte[] wire = [0xEF, 0xBE, 0xAD, 0xDE, 1, 0, 0, 0, 0, 0, 0, 0];
        Assert.True(VhostUserHeader.TryRead(wire, out VhostUserHeader header));
        Assert.Equal(0xDEADBEEF, header.Request);
    }

    [Fact]
    public void Write_AnyHeader_IsReadBack() => Gen.Select(Gen.UInt, Gen.UInt, Gen.UInt[0, 4096]).Sample((request, flags, payload) =>
    {
        VhostUserHeader header = new(request, (flags & ~3u) | 1, payload);
        byte[] wire = new byte[VhostUserHeader.Size];
        header.Write(wire);
        Assert.True(VhostUserHeader.TryRead(wire, out VhostUserHeader again));
        Assert.Equal(header, again);
    });
}
