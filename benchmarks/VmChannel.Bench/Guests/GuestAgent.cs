using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace VmChannel.Bench.Guests;

/// <summary>The host's side of the conversation with the program in the guest.</summary>
internal sealed class GuestAgent : IDisposable
{
    public const string ControlName = "org.vmchannel.bench.control";

    private const int PatienceMs = 120_000;

    private readonly Socket _socket;
    private readonly StreamReader _answers;

    /// <param name="socket">Path of the control port's host end, which listens already.</param>
    public GuestAgent(string socket)
    {
        _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = PatienceMs };
        _socket.Connect(new UnixDomainSocketEndPoint(socket));
        _answers = new(new NetworkStream(_socket), Encoding.ASCII);
    }

    /// <summary>Waits until the guest is up.</summary>
    public void WaitUntilReady()
    {
        string? answer = _answers.ReadLine();
        if (answer != "ready")
        {
            throw new BenchException($"the guest said '{answer}' instead of 'ready'");
        }
    }

    /// <summary>Tells the guest to do something; it does so at once.</summary>
    public void Say(FormattableString command)
        => _ = _socket.Send(Encoding.ASCII.GetBytes(command.ToString(CultureInfo.InvariantCulture) + "\n"));

    /// <summary>Waits until the guest has done what it was told. Returns the seconds it took by the guest's clock.</summary>
    public double WaitUntilDone()
    {
        string answer = _answers.ReadLine() ?? throw new BenchException("the guest is gone");
        string[] words = answer.Split(' ');
        return words[0] == "done"
            ? double.Parse(words[1], CultureInfo.InvariantCulture) / 1e9
            : throw new BenchException($"the guest said: {answer}");
    }

    public void Dispose()
    {
        _answers.Dispose();
        _socket.Dispose();
    }
}
