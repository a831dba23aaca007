using Grpc.Core;

namespace VmChannel.Samples.Greeting;

/// <summary>Greets whoever asks, and each of those whom a conversation names.</summary>
public sealed class GreeterService : Greeter.GreeterBase
{
    public override Task<HelloReply> Hello(HelloRequest request, ServerCallContext context)
        => Task.FromResult(new HelloReply { Text = $"Hello {request.Name}, from {Environment.MachineName}" });

    public override async Task Chat(IAsyncStreamReader<HelloRequest> requestStream, IServerStreamWriter<HelloReply> responseStream, ServerCallContext context)
    {
        await foreach (HelloRequest request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(new HelloReply { Text = $"Hello {request.Name}" }, context.CancellationToken);
        }
    }
}
