using System.Buffers;
using System.IO.Pipelines;
using VmChannel.Device.Services;
using Xunit;

namespace VmChannel.Device.Tests.Services;

/// <summary>A service that is one function.</summary>
internal sealed class DelegateService(Func<IDuplexPipe, CancellationToken, Task> run) : IService
{
    public string Name => "test";

    /// <summary>Gives back what comes, until it ends.</summary>
    public static async Task CopyAsync(IDuplexPipe channel)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        ReadResult result;
        do
        {
            result = await channel.Input.ReadAsync(cancellation);
            foreach (ReadOnlyMemory<byte> piece in result.Buffer)
            {
                channel.Output.Write(piece.Span);
            }

            channel.Input.AdvanceTo(result.Buffer.End);
            _ = await channel.Output.FlushAsync(cancellation);
        }
        while (!result.IsCompleted);
    }

    public void Start()
    {
    }

    public Task RunAsync(IDuplexPipe channel, CancellationToken cancellation) => run(channel, cancellation);

    public void Stop()
    {
    }
}
