using System.CommandLine;
using VmChannel.Cli.Client;
using VmChannel.Cli.CommandLine;
using VmChannel.Control;
using VmChannel.Native;

namespace VmChannel.Cli.Attach;

/// <summary><c>vmchannel attach</c>: this terminal, or a pipe, becomes a client of a port.</summary>
internal static class AttachVerb
{
    private const string Manual = """
        vmchannel attach - become a client of a port

        Usage:
          vmchannel attach [VM] PORT [--read-only | --write | --queue] [--until-guest-close] [--escape KEY] [--linger TIME]

        What the guest writes comes to standard output, what is typed goes to the guest. A terminal is raw meanwhile, so
        every key but the escape key is the guest's, Ctrl-C included. If the port keeps a history (history=), it comes
        first. Others who use the port stay: while one of them holds it, what is typed here is dropped, and a line says
        so; when they leave, or nobody was there, it goes to the guest.

          --read-only           nothing goes to the guest, whoever else is there
          --write               what is typed goes to the guest beside what others send
          --queue               wait until nobody else holds the port, and have it alone then
          --until-guest-close   leave when the guest's program closes the port, after what it wrote
          --escape KEY          the key that leaves, such as ^] for Ctrl-] (the default), or none
          --linger TIME         after the input's end, leave when the guest was silent for TIME, such as 2s; without it,
                                stay until the port ends

        Examples:
          vmchannel attach web console
          echo '{"execute":"guest-ping"}' | vmchannel attach web org.qemu.guest_agent.0 --linger 1s
          vmchannel attach web log --read-only > guest.log
          vmchannel attach web org.example.backup --queue --until-guest-close > backup.tar

        Exit codes: 0 left, the input ended, or the guest closed the port and --until-guest-close was given; 1 the port ended first; 128 + N for signal N.

        Options:

        """;

    private static readonly TimeSpan LongestLinger = TimeSpan.FromHours(24);

    public static Command Create()
    {
        Option<bool> readOnly = new("--read-only") { Description = "nothing goes to the guest" };
        Option<bool> write = new("--write") { Description = "write to the guest beside others" };
        Option<bool> queue = new("--queue") { Description = "wait until nobody else holds the port" };
        Option<bool> untilGuestClose = new("--until-guest-close") { Description = "leave when the guest's program closes the port" };
        Option<string> escape = new("--escape") { HelpName = "KEY", Description = "the key that leaves", DefaultValueFactory = _ => EscapeKey.Default };
        Option<string?> linger = new("--linger") { HelpName = "TIME", Description = "leave when the guest was silent for so long after the input's end" };
        ClientVerb verb = new("attach", "Become a client of a port.", Manual, "PORT");
        verb.Command.Add(readOnly);
        verb.Command.Add(write);
        verb.Command.Add(queue);
        verb.Command.Add(untilGuestClose);
        verb.Command.Add(escape);
        verb.Command.Add(linger);
        return verb.Runs((call, _) =>
        {
            bool isReader = call.Parsed.GetValue(readOnly);
            bool isWriter = call.Parsed.GetValue(write);
            AttachAccess access = (isReader, isWriter, call.Parsed.GetValue(queue)) switch
            {
                (false, false, false) => AttachAccess.Shared,
                (true, false, false) => AttachAccess.Observer,
                (false, true, false) => AttachAccess.Writer,
                (false, false, true) => AttachAccess.Queued,
                _ => throw new UsageException("attach: --read-only, --write and --queue exclude each other"),
            };
            AttachUntil until = call.Parsed.GetValue(untilGuestClose) ? AttachUntil.GuestClose : AttachUntil.PortEnd;
            if (call.IsJson)
            {
                throw new UsageException("attach: --json is for answers, and this passes bytes");
            }

            TimeSpan? patience = call.Parsed.GetValue(linger) is string time ? TimeText.Read("--linger", time, TimeSpan.Zero, LongestLinger) : null;
            return RunAsync(call, access, until, EscapeKey.Read(call.Parsed.GetValue(escape)!), patience);
        }).Command;
    }

    private static async Task<int> RunAsync(ClientCall call, AttachAccess access, AttachUntil until, EscapeKey? escape, TimeSpan? linger)
    {
        using StopSignals signals = new();
        try
        {
            VmTarget target = await call.FindVmAsync(signals.Token);
            await using AttachedPort attached = await target.Client.AttachAsync(target.Vm, call.Words[0], until, access, signals.Token);
            PortInfo port = await target.Client.GetPortAsync(target.Vm, call.Words[0], signals.Token);
            string name = $"{PortText.Safe(target.Vm)} {PortText.Name(port.Number, port.Protocol)}";
            bool hasLeft;
            using (RawTerminal? terminal = RawTerminal.TryEnter(keepSignals: false))
            using (AttachSession session = new(attached, terminal is null ? null : escape, linger))
            {
                Tell($"attached to {name}{(terminal is null ? "" : escape is null ? "; no key leaves" : $"; {escape.Name} leaves")}");
                if (access != AttachAccess.Observer && WhoHolds(port, attached.ClientId) is string holder)
                {
                    Tell($"only reading: {PortText.Safe(holder)} holds the port; --write sends to the guest beside it");
                }

                hasLeft = await session.RunAsync(signals.Token);
            }

            if (hasLeft || (until == AttachUntil.GuestClose && attached.EndReason == AttachedPort.GuestClosed))
            {
                Tell($"left {name}");
                return signals.ExitCode ?? 0;
            }

            throw new ControlException($"{name}: {attached.EndReason}");
        }
        catch (OperationCanceledException) when (signals.ExitCode is not null)
        {
            return signals.ExitCode.Value;
        }
    }

    /// <summary>Who keeps this client from writing; null when it may.</summary>
    private static string? WhoHolds(PortInfo port, int id)
        => port.Clients.FirstOrDefault(client => client.Id == id) is not { MayWrite: false } ? null
            : port.Clients.FirstOrDefault(client => client.IsHolder)?.Description ?? port.HostEnd;

    private static void Tell(string text)
    {
        if (Terminal.Is(FileDescriptor.Borrow(2)))
        {
            StandardStream.WriteError($"vmchannel: {text}\n");
        }
    }
}
