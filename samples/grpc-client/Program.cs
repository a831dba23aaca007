using Grpc.Core;
using Grpc.Net.Client;
using VmChannel.Control;
using VmChannel.Samples.Greeting;

// On the host: dotnet grpc-client.dll VM [CHANNEL]
if (args.Length is 0 or > 2)
{
    await Console.Error.WriteLineAsync("usage: grpc-client VM [CHANNEL]");
    return 2;
}

using HttpMessageHandler handler = VmChannelHttp.CreateHandler(args[0], args.Length > 1 ? args[1] : "org.example.grpc");
using GrpcChannel channel = GrpcChannel.ForAddress("http://guest", new GrpcChannelOptions { HttpHandler = handler });
Greeter.GreeterClient greeter = new(channel);

HelloReply reply = await greeter.HelloAsync(new HelloRequest { Name = "host" });
Console.WriteLine(reply.Text);

using AsyncDuplexStreamingCall<HelloRequest, HelloReply> chat = greeter.Chat();
foreach (string name in (string[])["Ada", "Grace", "Barbara"])
{
    await chat.RequestStream.WriteAsync(new HelloRequest { Name = name });
    _ = await chat.ResponseStream.MoveNext(CancellationToken.None);
    Console.WriteLine(chat.ResponseStream.Current.Text);
}

await chat.RequestStream.CompleteAsync();
return 0;
