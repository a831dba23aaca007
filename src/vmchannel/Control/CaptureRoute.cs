using VmChannel.Cli.Serve;
using VmChannel.Device.Channels;

namespace VmChannel.Cli.Control;

/// <summary><c>GET …/capture</c>: what goes through a port, as a capture that grows until the port is unplugged or the client leaves.</summary>
internal static class CaptureRoute
{
    public const string MediaType = "application/vnd.vmchannel.capture";

    public static async Task HandleAsync(ControlCall call)
    {
        VmHost vm = call.Vm;
        ServedPort port = call.Port;
        CaptureTap tap = new(port.Plan.Spec.Number, port.Plan.Spec.Protocol);
        if (!await vm.UseAsync(port, (_, plugged) => plugged.AddTap(tap)))
        {
            throw PortNames.Gone(port);
        }

        try
        {
            // A slow client finds gaps in its capture, and is no reason to hang up.
            call.AllowSlowReader();

            call.Http.Response.ContentType = MediaType;
            call.Http.Response.Headers.CacheControl = "no-store";
            await call.Http.Response.StartAsync(call.Cancellation);
            await tap.Reader.CopyToAsync(call.Http.Response.BodyWriter, call.Cancellation);
        }
        catch (OperationCanceledException) when (call.Cancellation.IsCancellationRequested)
        {
            // The client left, or the server ends: either is the end of the capture.
        }
        finally
        {
            await tap.Reader.CompleteAsync();
            _ = await vm.UseAsync(port, (_, plugged) => plugged.RemoveTap(tap));
        }
    }
}
