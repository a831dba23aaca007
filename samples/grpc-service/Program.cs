using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using VmChannel.AspNetCore;
using VmChannel.Samples.Greeting;

// In the guest: dotnet grpc-service.dll [CHANNEL]
WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.WebHost.UseVmChannel(args.Length > 0 ? args[0] : "org.example.grpc");
builder.Services.AddGrpc();
WebApplication app = builder.Build();
app.MapGrpcService<GreeterService>();
await app.RunAsync();
