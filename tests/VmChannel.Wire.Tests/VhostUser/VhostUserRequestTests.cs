using VmChannel.Wire.VhostUser;
using Xunit;

namespace VmChannel.Wire.Tests.VhostUser;

/// <summary>Numbers of the vhost-user specification, from its text.</summary>
public sealed class VhostUserRequestTests
{
    [Theory]
    [InlineData(VhostUserRequest.GetFeatures, 1u)]
    [InlineData(VhostUserRequest.SetFeatures, 2u)]
    [InlineData(VhostUserRequest.SetOwner, 3u)]
    [InlineData(VhostUserRequest.ResetOwner, 4u)]
    [InlineData(VhostUserRequest.SetMemTable, 5u)]
    [InlineData(VhostUserRequest.SetLogBase, 6u)]
    [InlineData(VhostUserRequest.SetLogFd, 7u)]
    [InlineData(VhostUserRequest.SetVringNum, 8u)]
    [InlineData(VhostUserRequest.SetVringAddr, 9u)]
    [InlineData(VhostUserRequest.SetVringBase, 10u)]
    [InlineData(VhostUserRequest.GetVringBase, 11u)]
    [InlineData(VhostUserRequest.SetVringKick, 12u)]
    [InlineData(VhostUserRequest.SetVringCall, 13u)]
    [InlineData(VhostUserRequest.SetVringErr, 14u)]
    [InlineData(VhostUserRequest.GetProtocolFeatures, 15u)]
    [InlineData(VhostUserRequest.SetProtocolFeatures, 16u)]
    [InlineData(VhostUserRequest.GetQueueNum, 17u)]
    [InlineData(VhostUserRequest.SetVringEnable, 18u)]
    [InlineData(VhostUserRequest.SetBackendReqFd, 21u)]
    [InlineData(VhostUserRequest.GetConfig, 24u)]
    [InlineData(VhostUserRequest.SetConfig, 25u)]
    [InlineData(VhostUserRequest.ResetDevice, 34u)]
    [InlineData(VhostUserRequest.VringKick, 35u)]
    [InlineData(VhostUserRequest.GetMaxMemSlots, 36u)]
    [InlineData(VhostUserRequest.AddMemReg, 37u)]
    [InlineData(VhostUserRequest.RemMemReg, 38u)]
    [InlineData(VhostUserRequest.SetStatus, 39u)]
    [InlineData(VhostUserRequest.GetStatus, 40u)]
    public void Request_Number_IsTheSpecifications(VhostUserRequest request, uint number) => Assert.Equal(number, (uint)request);

    [Theory]
    [InlineData(BackendRequest.ConfigChange, 2u)]
    [InlineData(BackendRequest.VringCall, 4u)]
    public void BackendRequest_Number_IsTheSpecifications(BackendRequest request, uint number) => Assert.Equal(number, (uint)request);

    [Theory]
    [InlineData(ProtocolFeatures.MultiQueue, 0)]
    [InlineData(ProtocolFeatures.ReplyAck, 3)]
    [InlineData(ProtocolFeatures.BackendRequests, 5)]
    [InlineData(ProtocolFeatures.Config, 9)]
    [InlineData(ProtocolFeatures.ResetDevice, 13)]
    [InlineData(ProtocolFeatures.InBandNotifications, 14)]
    [InlineData(ProtocolFeatures.ConfigureMemSlots, 15)]
    [InlineData(ProtocolFeatures.Status, 16)]
    public void ProtocolFeature_Bit_IsTheSpecifications(ProtocolFeatures feature, int bit) => Assert.Equal(1UL << bit, (ulong)feature);
}
