using System.Text.Json;
using VmChannel.Wire.Qmp;

namespace VmChannel.Device.Qmp;

/// <summary>What a QEMU has, asked through its monitor: virtio-serial controllers, their ports, and whether a guest has them open. Thread pool.</summary>
/// <param name="client">The monitor.</param>
internal sealed class QemuMachine(QmpClient client)
{
    /// <summary>A machine with more devices than this is not looked through.</summary>
    private const int MaxDevices = 4096;

    private const int MaxSlotsTried = 32;

    private static readonly string[] Containers = ["/machine/peripheral", "/machine/peripheral-anon"];

    /// <summary>Every virtio-serial controller, and every port of one.</summary>
    /// <exception cref="QmpException">QEMU does not say.</exception>
    public async Task<(IReadOnlyList<SerialController> Controllers, IReadOnlyList<QemuPort> Ports)> LookAsync(CancellationToken cancellationToken)
    {
        List<string> controllers = [];
        List<QemuPort> ports = [];
        foreach (string container in Containers)
        {
            foreach ((string name, string type) in await ListAsync(container, cancellationToken))
            {
                string path = $"{container}/{name}";
                if (type.StartsWith("child<virtio-serial", StringComparison.Ordinal))
                {
                    controllers.Add(path);
                }
                else if (type is "child<virtserialport>" or "child<virtconsole>")
                {
                    ports.Add(new(
                        container == Containers[0] ? name : path,
                        (int)Math.Clamp((await GetAsync(path, "nr", cancellationToken)).AsNumber() ?? -1, -1, int.MaxValue),
                        (await GetAsync(path, "name", cancellationToken)).AsText(),
                        (await GetAsync(path, "parent_bus", cancellationToken)).AsText() ?? ""));
                }
            }
        }

        List<SerialController> found = [];
        foreach (string path in controllers)
        {
            // The device proper is behind its PCI or CCW face.
            string device = $"{path}/virtio-backend";
            string? bus = (await ListAsync(device, cancellationToken)).FirstOrDefault(child => child.Type == "child<virtio-serial-bus>").Name;
            long? room = (await GetAsync(path, "max_ports", cancellationToken)).AsNumber();
            if (bus is not null)
            {
                Dictionary<int, string> taken = [];
                foreach (QemuPort port in ports.Where(port => port.Bus == $"{device}/{bus}"))
                {
                    _ = taken.TryAdd(port.Number, port.Id);
                }

                found.Add(new(path, bus, (int)Math.Clamp(room ?? 0, 0, 511), taken));
            }
        }

        return (found, ports);
    }

    /// <summary>Plugs a controller in where the machine takes one.</summary>
    /// <exception cref="QmpException">It takes none; the message says what to do.</exception>
    public async Task AddControllerAsync(int maxPorts, CancellationToken cancellationToken)
    {
        string target = (await client.ExecuteAsync("query-target", null, cancellationToken)).Text("arch") ?? "";
        string driver = target == "s390x" ? "virtio-serial-ccw" : "virtio-serial-pci";
        QmpException? first = null;

        // Where the main bus takes no device while the machine runs (q35, virt), a root port without one does.
        foreach (string? bus in (string?[])[null, .. await FreeBridgesAsync(cancellationToken)])
        {
            try
            {
                await DeviceAddAsync(
                    driver,
                    SerialController.OwnId,
                    writer =>
                    {
                        writer.WriteNumber("max_ports", maxPorts);
                        if (bus is not null)
                        {
                            writer.WriteString("bus", bus);
                        }
                    },
                    cancellationToken);
                return;
            }
            catch (QmpException e) when (e.Class is not null)
            {
                first ??= e;
            }
        }

        throw new QmpException(
            $"virtio-serial controller cannot be added: {first!.Message}; start QEMU with -device {driver}, or with a PCI slot to plug one into (-device pcie-root-port,id=rp0)", first);
    }

    /// <summary>device_add.</summary>
    /// <exception cref="QmpException">QEMU refuses.</exception>
    public async Task DeviceAddAsync(string driver, string id, Action<Utf8JsonWriter> properties, CancellationToken cancellationToken)
        => _ = await client.ExecuteAsync(
            "device_add",
            writer =>
            {
                writer.WriteString("driver", driver);
                writer.WriteString("id", id);
                properties(writer);
            },
            cancellationToken);

    /// <summary>Makes or changes a chardev.</summary>
    /// <param name="command"><c>chardev-add</c> or <c>chardev-change</c>.</param>
    /// <param name="id">The chardev's.</param>
    /// <param name="pipe">Path of its pipes; null = one that is always closed.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="QmpException">QEMU refuses.</exception>
    public async Task SetChardevAsync(string command, string id, string? pipe, CancellationToken cancellationToken)
        => _ = await client.ExecuteAsync(
            command,
            writer =>
            {
                writer.WriteString("id", id);
                writer.WriteStartObject("backend");
                writer.WriteString("type", pipe is null ? "null" : "pipe");
                writer.WriteStartObject("data");
                if (pipe is not null)
                {
                    writer.WriteString("device", pipe);
                }

                writer.WriteEndObject();
                writer.WriteEndObject();
            },
            cancellationToken);

    /// <summary>chardev-remove or device_del.</summary>
    /// <exception cref="QmpException">QEMU refuses.</exception>
    public async Task RemoveAsync(string command, string id, CancellationToken cancellationToken)
        => _ = await client.ExecuteAsync(command, writer => writer.WriteString("id", id), cancellationToken);

    /// <summary>A chardev's kind, such as <c>pipe</c>, and what it knows of the guest; null when there is none.</summary>
    public async Task<(string Kind, bool IsGuestOpen)?> FindChardevAsync(string id, CancellationToken cancellationToken)
    {
        JsonElement all = await client.ExecuteAsync("query-chardev", null, cancellationToken);
        JsonElement found = all.Elements().FirstOrDefault(chardev => chardev.Text("label") == id);
        return found.ValueKind == JsonValueKind.Object ? (found.Text("filename") ?? "", found.Truth("frontend-open") ?? false) : null;
    }

    /// <summary>Whether a program in the guest has a port open, as QEMU's device tree shows it.</summary>
    /// <remarks>A chardev forgets it when it is changed under the device; the device itself tells only people.</remarks>
    /// <returns>Null when QEMU does not show it.</returns>
    public async Task<bool?> IsGuestOpenAsync(string id, CancellationToken cancellationToken)
    {
        JsonElement tree = await client.ExecuteAsync(
            "human-monitor-command", writer => writer.WriteString("command-line", "info qtree"), cancellationToken);
        return tree.AsText() is string text ? DeviceTree.FindGuestOpen(text, id) : null;
    }

    /// <summary>The guest runs: it is not paused.</summary>
    public async Task<bool> IsRunningAsync(CancellationToken cancellationToken)
        => (await client.ExecuteAsync("query-status", null, cancellationToken)).Truth("running") ?? false;

    /// <summary>Bridges without a device behind them, by id.</summary>
    private async Task<IReadOnlyList<string>> FreeBridgesAsync(CancellationToken cancellationToken)
    {
        List<string> free = [];
        try
        {
            foreach (JsonElement bus in (await client.ExecuteAsync("query-pci", null, cancellationToken)).Elements())
            {
                Collect(bus.Member("devices"), free);
            }
        }
        catch (QmpException e) when (e.Class is not null)
        {
            // A machine without PCI.
        }

        return free;
    }

    private static void Collect(JsonElement devices, List<string> free)
    {
        foreach (JsonElement device in devices.Elements())
        {
            JsonElement bridge = device.Member("pci_bridge");
            if (bridge.ValueKind != JsonValueKind.Object || free.Count == MaxSlotsTried)
            {
                continue;
            }

            JsonElement behind = bridge.Member("devices");
            if (device.Text("qdev_id") is { Length: > 0 } id && !behind.Elements().Any())
            {
                free.Add(id);
            }

            Collect(behind, free);
        }
    }

    private async Task<IReadOnlyList<(string Name, string Type)>> ListAsync(string path, CancellationToken cancellationToken)
    {
        JsonElement list = await client.ExecuteAsync("qom-list", writer => writer.WriteString("path", path), cancellationToken);
        return
        [
            .. list.Elements().Select(child => (Name: child.Text("name") ?? "", Type: child.Text("type") ?? ""))
                .Where(child => child.Name.Length > 0).Take(MaxDevices),
        ];
    }

    private async Task<JsonElement> GetAsync(string path, string property, CancellationToken cancellationToken)
    {
        try
        {
            return await client.ExecuteAsync(
                "qom-get",
                writer =>
                {
                    writer.WriteString("path", path);
                    writer.WriteString("property", property);
                },
                cancellationToken);
        }
        catch (QmpException e) when (e.Class is not null)
        {
            return default;
        }
    }
}
