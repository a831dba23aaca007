using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace VmChannel.SystemTests.Rig;

/// <summary>QEMU's monitor protocol: commands and whether they were carried out, without events.</summary>
internal sealed class QmpClient : IDisposable
{
    private readonly NetworkStream _stream;
    private readonly StreamReader _reader;

    private QmpClient(Socket socket)
    {
        _stream = new(socket, ownsSocket: true);
        _reader = new(_stream);
    }

    public static async Task<QmpClient> OpenAsync(Socket socket)
    {
        QmpClient client = new(socket);
        _ = await client._reader.ReadLineAsync().WaitAsync(Patience.Short); // greeting
        await client.ExecuteAsync("qmp_capabilities");
        return client;
    }

    /// <param name="command">Such as <c>device_add</c>.</param>
    /// <param name="arguments">A JSON object.</param>
    public async Task ExecuteAsync(string command, string arguments = "{}")
    {
        await _stream.WriteAsync(Encoding.UTF8.GetBytes($"{{\"execute\":\"{command}\",\"arguments\":{arguments}}}\n"));
        while (true)
        {
            string line = await _reader.ReadLineAsync().WaitAsync(Patience.Short) ?? throw new IOException("QEMU closed its monitor");
            using JsonDocument answer = JsonDocument.Parse(line);
            Assert.False(answer.RootElement.TryGetProperty("error", out _), line);
            if (answer.RootElement.TryGetProperty("return", out _))
            {
                return;
            }
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        _stream.Dispose();
    }
}
