using System.Net;
using System.Net.Sockets;
using VmChannel.Device.Ports;
using VmChannel.Device.UsbIp;
using VmChannel.Device.UsbSerial;
using VmChannel.Testing;

namespace VmChannel.Fuzz;

/// <summary>All that a USB/IP client sends in one connection, to a server with two adapters whose host ends take all and give a little.</summary>
public static class UsbIpTarget
{
    private const int MaxBytes = 64 * 1024;
    private const int PatienceMs = 20_000;

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.Length is 0 or > MaxBytes)
        {
            return;
        }

        LogLines log = new();
        using LoopThread thread = new(log);
        using UsbIpServer server = new(thread.Loop, new UsbIpEndpoint(new IPEndPoint(IPAddress.Loopback, 0)), log.For<UsbIpServer>());
        List<Port> ports = [];
        thread.Invoke(() =>
        {
            server.Start();
            for (int number = 1; number <= 2; number++)
            {
                ScriptedEnd end = new();
                Port port = new(new PortSpec(number, $"fuzz.usb{number}") { Adapter = (UsbAdapterKind)(number - 1) }, end, thread.Loop, log);
                port.Start();
                end.Connect(true);
                end.Give("bytes for the guest"u8);
                ports.Add(port);
                server.Plug(new UsbSerialAdapter(port, "VC0", thread.Loop, TimeSpan.FromMinutes(1)));
            }
        });
        using (Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = PatienceMs })
        {
            client.Connect(server.Endpoint.Address);
            Converse(client, input);
        }

        bool isConnected = thread.Invoke(() =>
        {
            bool isConnected = server.IsConnected;
            server.Dispose();
            ports.ForEach(port => port.Dispose());
            return isConnected;
        });
        if (isConnected || log.Contains("defect"))
        {
            throw new InvalidOperationException($"still connected: {isConnected}; {string.Join('\n', log.All)}");
        }
    }

    /// <summary>To the end: what the server makes of the input ends with the connection.</summary>
    private static void Converse(Socket client, ReadOnlySpan<byte> input)
    {
        try
        {
            _ = client.Send(input);
            client.Shutdown(SocketShutdown.Send);
            byte[] answers = new byte[64 * 1024];
            while (client.Receive(answers) > 0)
            {
                // An answer.
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.NotConnected)
        {
            // It ended before it had taken all.
        }
    }
}
