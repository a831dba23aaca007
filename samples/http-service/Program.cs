using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using VmChannel.AspNetCore;

// In the guest: dotnet http-service.dll [CHANNEL]
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.WebHost.UseVmChannel(args.Length > 0 ? args[0] : "org.example.api");
WebApplication app = builder.Build();
app.MapGet("/", (RequestDelegate)(http => http.Response.WriteAsync($"Hello from {Environment.MachineName}\n")));
app.MapGet("/time", (RequestDelegate)(http => http.Response.WriteAsync($"{DateTimeOffset.UtcNow:O}\n")));
app.MapPost("/shout", (RequestDelegate)(async http =>
{
    using StreamReader body = new(http.Request.Body);
    await http.Response.WriteAsync((await body.ReadToEndAsync(http.RequestAborted)).ToUpperInvariant());
}));
await app.RunAsync();
