using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Services;

/// <summary>Counts what the whole process allocates, so no other test may run beside it.</summary>
[CollectionDefinition("alone", DisableParallelization = true)]
[Collection("alone")]
public sealed class ServiceEndAllocationTests
{
    /// <summary>Less than the smallest object for each trip.</summary>
    private const int AllowedBytes = 16 * Trips;

    private const int Trips = 1000;

    [Fact]
    public async Task Channel_SteadyState_AllocatesNothingPerMessage()
    {
        await using HostEndDriver guest = new();
        DelegateService service = new((channel, _) => DelegateService.CopyAsync(channel));
        await guest.StartAsync(new ServiceEnd(service, guest.Loop, guest.Log));
        await guest.SetGuestOpenAsync(true);
        long best = long.MaxValue;
        for (int round = 0; round < 5 && best >= AllowedBytes; round++)
        {
            // Both threads count. The first round warms buffers up, and the best one has the least noise of the runtime.
            best = Math.Min(best, await ServiceEndLoad.RoundTripsAsync(guest, Trips));
        }

        Assert.True(best < AllowedBytes, $"{best} bytes for {Trips} round trips");
    }
}
