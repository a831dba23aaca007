using VmChannel.Cli.CommandLine;
using VmChannel.Control;
using VmChannel.Native;

namespace VmChannel.Cli.Client;

/// <summary>Finds running servers: at the address that was given, or else in the runtime folders.</summary>
/// <param name="folders">Where servers have their sockets by default; the first counts most.</param>
/// <param name="address">Where the only one to ask is; null = look in the folders.</param>
/// <param name="token">What it asks for.</param>
internal sealed class ServerFinder(IReadOnlyList<string> folders, ControlAddress? address, string? token)
{
    private const string HowToStart = "start one with vmchannel serve, or say where it is with --control PATH";

    /// <summary>What a server takes to name its VMs: one that hangs must not hide the others for long.</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(2);

    /// <summary>Told of servers that are there and do not answer.</summary>
    public Action<string> Complain { get; init; } = StandardStream.Complain;

    /// <summary>No address was given: the folders decide.</summary>
    public bool IsAnywhere => address is null;

    /// <summary>The VM a person means; without a name, the only one there is.</summary>
    /// <exception cref="ControlException">There is none, or there are several.</exception>
    public async Task<VmTarget> FindAsync(string? vm, CancellationToken cancellationToken)
    {
        if (vm is not null)
        {
            return new VmTarget(address is null ? new ControlClient(ServerFolder.Find(vm, folders)) : new ControlClient(address, token), vm);
        }

        List<VmTarget> found = [];
        foreach ((ControlClient client, IReadOnlyList<VmInfo> vms) in await ListAsync(cancellationToken))
        {
            found.AddRange(vms.Select(info => new VmTarget(client, info.Name)));
        }

        return found switch
        {
            [VmTarget only] => only,
            [] => throw new ControlException($"no VM is served: {HowToStart}"),
            _ => throw new ControlException($"which VM? There are {string.Join(", ", found.Select(target => target.Vm))}: say one of them"),
        };
    }

    /// <summary>The server that has the VM a person means; without a name, the only one there is, however many VMs it has.</summary>
    /// <exception cref="ControlException">There is none, or there are several.</exception>
    public async Task<ControlClient> FindServerAsync(string? vm, CancellationToken cancellationToken)
    {
        if (vm is not null)
        {
            return (await FindAsync(vm, cancellationToken)).Client;
        }

        IReadOnlyList<(ControlClient Client, IReadOnlyList<VmInfo> Vms)> servers = await ListAsync(cancellationToken);
        return servers switch
        {
            [var only] => only.Client,
            [] => throw new ControlException($"no server runs: {HowToStart}"),
            _ => throw new ControlException(
                $"which server? Name one of its VMs: {string.Join(", ", servers.SelectMany(server => server.Vms).Select(info => info.Name))}"),
        };
    }

    /// <summary>Every server that answers, with its VMs.</summary>
    /// <exception cref="ControlException">The one at the address that was given does not answer.</exception>
    public async Task<IReadOnlyList<(ControlClient Client, IReadOnlyList<VmInfo> Vms)>> ListAsync(CancellationToken cancellationToken)
    {
        if (address is not null)
        {
            ControlClient client = new(address, token);
            return [(client, await client.GetVmsAsync(cancellationToken))];
        }

        (ControlClient Client, IReadOnlyList<VmInfo>? Vms)[] asked = await Task.WhenAll(Sockets().Select(path => AskAsync(path, cancellationToken)));
        return [.. asked.Where(server => server.Vms is not null).Select(server => (server.Client, server.Vms!))];
    }

    /// <summary>Names of VMs that have a socket, whether or not somebody still listens: quick enough for completion.</summary>
    public IEnumerable<string> Names() => folders.SelectMany(ServerFolder.VmsIn).Distinct(StringComparer.Ordinal);

    /// <summary>One name of each socket: a server's VMs are names of the same one.</summary>
    private IEnumerable<string> Sockets()
        => folders.SelectMany(folder => ServerFolder.VmsIn(folder).Select(vm => ServerFolder.SocketOf(folder, vm))).DistinctBy(IdentityOf);

    /// <summary>The VMs of one server; none when it is dead, or as good as.</summary>
    private async Task<(ControlClient Client, IReadOnlyList<VmInfo>? Vms)> AskAsync(string path, CancellationToken cancellationToken)
    {
        ControlClient client = new(ControlAddress.Unix(path));
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerTime);
        try
        {
            return (client, await client.GetVmsAsync(limit.Token));
        }
        catch (ControlException e) when (e.IsUnreachable)
        {
            // What a killed server left behind.
        }
        catch (ControlException e)
        {
            Complain($"{e.Message}: its VMs are left out");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Complain($"{path}: the server is there and does not answer within {AnswerTime.TotalSeconds:0} s: its VMs are left out; if it stays so, restart it");
        }

        client.Dispose();
        return (client, null);
    }

    private static FileIdentity? IdentityOf(string path)
    {
        _ = FileDescriptor.Open(path, OpenFlags.PathOnly, 0, out FileDescriptor? file);
        using (file)
        {
            return file?.Identity();
        }
    }
}

/// <summary>A VM and the server that has it.</summary>
internal sealed record VmTarget(ControlClient Client, string Vm);
