using System.Diagnostics;

namespace VmChannel.Control;

/// <summary>A VM's port as a stream, for a program on the host that wants it alone.</summary>
public static class VmPort
{
    /// <summary>A program that has just ended may still be on its way out.</summary>
    private static readonly TimeSpan HolderGrace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);

    /// <summary>Opens a port through the control API of the server that has the VM.</summary>
    /// <param name="vm">The VM's name.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>Bytes both ways; disposing it leaves the port, and what was written before is delivered.</returns>
    /// <exception cref="ControlException">No server has this VM, it has no such port, or somebody else has the port: the message says who.</exception>
    public static async ValueTask<Stream> OpenAsync(string vm, string port, CancellationToken cancellationToken = default)
    {
        ControlClient client = new(ServerFolder.Find(vm));
        try
        {
            return await OpenAsync(client, client, vm, port, cancellationToken);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <param name="client">Talks to the server; stays the caller's.</param>
    /// <param name="vm">The VM's name.</param>
    /// <param name="port">Number, name, or the end of a name that no other port's has.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <inheritdoc cref="OpenAsync(string, string, CancellationToken)"/>
    public static ValueTask<Stream> OpenAsync(ControlClient client, string vm, string port, CancellationToken cancellationToken = default)
        => OpenAsync(client, null, vm, port, cancellationToken);

    private static async ValueTask<Stream> OpenAsync(
        ControlClient client, IDisposable? owner, string vm, string port, CancellationToken cancellationToken)
    {
        for (long began = Stopwatch.GetTimestamp(); ;)
        {
            AttachedPort attached = await client.AttachAsync(vm, port, AttachUntil.GuestClose, AttachAccess.Shared, cancellationToken);
            string? holder = null;
            try
            {
                Turn turn;
                while (((turn, holder) = await LookAsync(client, vm, port, attached.ClientId, cancellationToken)).turn == Turn.Waits
                    && Stopwatch.GetElapsedTime(began) < HolderGrace)
                {
                    await Task.Delay(Glance, cancellationToken);
                }

                if (turn == Turn.Has)
                {
                    return new AttachedStream(attached, owner);
                }
            }
            catch
            {
                await attached.DisposeAsync();
                throw;
            }

            await attached.DisposeAsync();
            if (Stopwatch.GetElapsedTime(began) >= HolderGrace)
            {
                throw new ControlException($"{vm} {port}: {holder ?? "the guest, which opens and closes it again and again,"} has the port, and one program at a time can use it so: end that one, or ask it");
            }
        }
    }

    /// <summary>Whether a client has the port, and who has it otherwise.</summary>
    private static async Task<(Turn Turn, string? Holder)> LookAsync(
        ControlClient client, string vm, string port, int id, CancellationToken cancellationToken)
    {
        PortInfo info = await client.GetPortAsync(vm, port, cancellationToken);
        return info.Clients.FirstOrDefault(other => other.Id == id) switch
        {
            null => (Turn.IsOver, null), // the guest closed the port meanwhile, as it does after the client before
            { IsHolder: true } => (Turn.Has, null),
            _ => (Turn.Waits, info.Clients.FirstOrDefault(other => other.IsHolder)?.Description ?? info.HostEnd),
        };
    }

    private enum Turn
    {
        Waits,
        Has,
        IsOver,
    }
}
