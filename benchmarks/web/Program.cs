using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using VmChannel.AspNetCore;

// vmchannel-bench-web CHANNEL: in the guest.
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.WebHost.UseVmChannel(args[0]);
WebApplication app = builder.Build();
app.MapGet("/small", (RequestDelegate)(http => http.Response.WriteAsync("a small answer")));
app.MapGet("/bulk/{bytes}", (RequestDelegate)(async http =>
{
    byte[] piece = new byte[64 * 1024];
    long left = long.Parse((string)http.Request.RouteValues["bytes"]!, System.Globalization.CultureInfo.InvariantCulture);
    http.Response.ContentLength = left;
    while (left > 0)
    {
        int count = (int)Math.Min(left, piece.Length);
        await http.Response.Body.WriteAsync(piece.AsMemory(0, count), http.RequestAborted);
        left -= count;
    }
}));
await app.RunAsync();
