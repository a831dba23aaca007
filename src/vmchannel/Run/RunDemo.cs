using System.Net.Sockets;
using System.Text;
using VmChannel.Cli.CommandLine;

namespace VmChannel.Cli.Run;

/// <summary><c>run --demo</c>: the two channels of the documentation, their links in the guest, and a word each way through both.</summary>
/// <remarks>
/// Nothing in it is special: the same options on the command line give the same channels. The clipboard is served inside vmchannel;
/// the other is served by a program that connects to its socket, here a task of this process.
/// </remarks>
internal sealed class RunDemo : IDisposable
{
    private const string Script =
        """
        set -e
        for name in org/qemu/clipboard org/libguestfs/fish; do
            link=$(readlink -f "/dev/vmchannel/$name")
            short=$(ls /dev/vmch* -d | while read -r v; do [ "$(readlink -f "$v")" != "$link" ] || echo " -> $v"; done)
            echo "guest: /dev/vmchannel/$name$short -> $link"
        done
        exec 3<>/dev/vmchannel/org/libguestfs/fish
        echo "hello from the guest" >&3
        read -r answer <&3
        echo "guest: fish says: $answer"
        vmchannel-guest clipboard copy "text copied in the guest"
        echo "guest: the clipboard has: $(vmchannel-guest clipboard paste)"
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vmchannel-demo-");
    private readonly CancellationTokenSource _over = new();
    private readonly List<Task> _programs = [];

    /// <summary>The guest's command.</summary>
    public static string[] Command { get; } = ["sh", "-c", Script];

    /// <summary>Values of -virtioserial, or of -usbserial.</summary>
    public string[] Ports =>
    [
        $"port=4,protocol=org.qemu.clipboard,text-in={Fifo},text-out={Copied}",
        $"port=2,protocol=org.libguestfs.fish,char=unix:{Socket},server",
    ];

    private string Socket => Path.Combine(_folder.FullName, "fish.sock");

    private string Fifo => Path.Combine(_folder.FullName, "copy");

    private string Copied => Path.Combine(_folder.FullName, "copied");

    /// <summary>Says what is run, and starts the programs of the host's side.</summary>
    /// <param name="isUsb">The channels are USB adapters.</param>
    public void Start(bool isUsb)
    {
        StandardStream.Complain(isUsb ? "this is: vmchannel run --transport usb \\" : "this is: vmchannel run \\");
        foreach (string port in Ports)
        {
            StandardStream.Complain($"    {(isUsb ? "-usbserial" : "-virtioserial")} {port} \\");
        }

        StandardStream.Complain("    -- sh -c '…the lines that begin with \"guest:\"…'");
        _programs.Add(ServeFishAsync(_over.Token));
        _programs.Add(ExchangeTextAsync(_over.Token));
    }

    public void Dispose()
    {
        _over.Cancel();
        try
        {
            Task.WaitAll([.. _programs], TimeSpan.FromSeconds(2));
        }
        catch (AggregateException)
        {
            // They end with what they were waiting for.
        }

        _over.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>The external program: connects like any other, hears a line and answers one.</summary>
    private async Task ServeFishAsync(CancellationToken cancellationToken)
    {
        using System.Net.Sockets.Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        while (!socket.Connected)
        {
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket), cancellationToken);
            }
            catch (SocketException)
            {
                await Task.Delay(20, cancellationToken);
            }
        }

        using NetworkStream stream = new(socket);
        using StreamReader reader = new(stream);
        string? line = await reader.ReadLineAsync(cancellationToken);
        StandardStream.WriteError($"host:  {Socket} hears: {StandardStream.Printable(line ?? "")}\n");
        await stream.WriteAsync(Encoding.UTF8.GetBytes("hello from the host\n"), cancellationToken);
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    /// <summary>Another program: looks at what the guest copied, then copies something itself.</summary>
    private async Task ExchangeTextAsync(CancellationToken cancellationToken)
    {
        while (!File.Exists(Copied))
        {
            await Task.Delay(20, cancellationToken);
        }

        string text = await File.ReadAllTextAsync(Copied, cancellationToken);
        StandardStream.WriteError($"host:  the clipboard has: {StandardStream.Printable(text)}\n");
        await File.WriteAllTextAsync(Fifo, "text copied on the host", cancellationToken);
    }
}
