using System.Text;
using VmChannel.Control;

namespace VmChannel.Cli.Client;

/// <summary>All that is known about a VM, as a tree for people.</summary>
internal static class InspectTree
{
    public static string Text(VmInspection inspection, DateTimeOffset now)
    {
        VmInfo vm = inspection.Vm;
        Node root = new($"{PortText.Safe(vm.Name)}: {ControlText.State(vm.State)}, {PortText.Safe(vm.Endpoint)}");
        if (inspection.FrontEnd is not null || !inspection.Ports.All(port => port.Transport == PortTransport.UsbSerial))
        {
            root.Add(FrontEnd(inspection.FrontEnd, now));
            root.Add(Device(inspection));
        }

        Node ports = root.Add(new Node($"ports: {inspection.Ports.Count} of {vm.MaxPorts}"));
        foreach (PortInfo port in inspection.Ports)
        {
            _ = ports.Add(Port(port, now));
        }

        StringBuilder text = new();
        root.Write(text, "", "");
        return text.ToString();
    }

    private static Node FrontEnd(FrontEndInfo? front, DateTimeOffset now)
    {
        if (front is null)
        {
            return new Node("front-end: none is connected");
        }

        Node node = new($"front-end: {PortText.Safe(front.Name)} (pid {front.Pid}){(front.Kind is null ? "" : $", {PortText.Safe(front.Kind)}")}, for {PortText.Since(front.ConnectedSince, now)}");
        _ = node.Add(new Node($"protocol features: {List(front.ProtocolFeatures)}"));
        _ = node.Add(new Node($"device status: {List(front.Status)}"));
        _ = node.Add(new Node($"memory regions: {front.MemoryRegions}{(front.MemoryRefusal is null ? "" : $"; refused: {PortText.Safe(front.MemoryRefusal)}")}"));
        if (front.LastRefusal is not null)
        {
            _ = node.Add(new Node($"refused: {PortText.Safe(front.LastRefusal)}"));
        }

        Node queues = node.Add(new Node($"queues: {front.Queues.Count} of {front.QueuesOffered}"));
        foreach (IGrouping<string, QueueInfo> alike in front.Queues.GroupBy(
            queue => $"size {queue.Size}, {(queue.IsRunning ? "running" : "stopped")}, kick {Word(queue.Kick)}, call {Word(queue.Call)}"))
        {
            _ = queues.Add(new Node($"{Ranges([.. alike.Select(queue => queue.Index)])}: {alike.Key}"));
        }

        return node;
    }

    private static Node Device(VmInspection inspection)
    {
        DeviceInfo device = inspection.Device;
        Node node = new($"device: {(device.Fault is not null ? "broken" : device.HasDriverFailed ? "driver failed" : device.IsDriverReady ? "driver ready" : "no driver")}");
        if (device.Fault is not null)
        {
            _ = node.Add(new Node($"broken by the guest: {PortText.Safe(device.Fault)}"));
        }

        _ = node.Add(new Node($"features: {List(device.Features)}"));
        _ = node.Add(new Node($"room: ports 0 to {device.Room - 1}"));
        DeviceCountersInfo counters = device.Counters;
        _ = node.Add(new Node(
            $"{counters.Kicks} kicks, {counters.Calls} calls, {counters.SuppressedCalls} suppressed, {counters.ControlMessages} control messages ({counters.BadControlMessages} bad), {counters.Resets} resets"));
        return node;
    }

    private static Node Port(PortInfo port, DateTimeOffset now)
    {
        Node node = new($"{(port.IsConsole ? "console, " : "")}{PortText.Name(port.Number, port.Protocol)}: {PortText.State(port, now)}");
        if (port.Transport == PortTransport.UsbSerial)
        {
            _ = node.Add(new Node($"USB serial adapter: {(port.FrontEnd is null ? "no front-end is connected" : PortText.Safe(port.FrontEnd))}"));
        }

        _ = node.Add(new Node($"guest: {PortText.Guest(port)}, opened {port.GuestGeneration}×"));
        _ = node.Add(new Node($"host: {PortText.Host(port)}, {HostEnd(port)}, came {port.HostGeneration}×"));
        foreach (ClientInfo client in port.Clients)
        {
            _ = node.Add(new Node(Client(client, now)));
        }

        PortLimitsInfo limits = port.Limits;
        _ = node.Add(new Node(
            $"on-disconnect={port.OnDisconnect.ToString().ToLowerInvariant()}, on-guest-close={port.OnGuestClose.ToString().ToLowerInvariant()}, rate {(limits.BytesPerSecond is long rate ? PortText.Bytes(rate) + "/s" : "unlimited")}, buffer {PortText.Bytes(limits.BufferBytes)}, history {PortText.Bytes(limits.HistoryBytes)}, {Access(limits.Access)}{(limits.LogFile is null ? "" : $", log {PortText.Safe(limits.LogFile)}")}"));
        PortCountersInfo counters = port.Counters;
        _ = node.Add(new Node($"from the guest: {PortText.Bytes(counters.FromGuestBytes)} in {counters.FromGuestMessages} buffers, {PortText.Bytes(counters.DroppedBytes)} dropped"));
        _ = node.Add(new Node($"to the guest: {PortText.Bytes(counters.ToGuestBytes)} in {counters.ToGuestMessages} buffers, {PortText.Bytes(counters.DroppedToGuestBytes)} dropped"));
        _ = node.Add(new Node(
            $"{counters.Kicks} kicks, {counters.Calls} calls, {counters.SuppressedCalls} suppressed, {counters.WakeNudges} writers woken, {counters.Throttles} times throttled, {counters.Stalls} times stalled"));
        return node;
    }

    /// <summary>The detail mostly begins with the end it is about.</summary>
    private static string HostEnd(PortInfo port)
        => PortText.Safe(
            port.HostDetail is not string detail ? port.HostEnd
                : detail.StartsWith(port.HostEnd, StringComparison.Ordinal) ? detail
                : $"{port.HostEnd} ({detail})");

    private static string Client(ClientInfo client, DateTimeOffset now)
        => $"client {client.Id}: {PortText.Safe(client.Description)}, for {PortText.Since(client.Since, now)}, "
            + $"{(client.IsWaiting ? "waits" : client.IsHolder ? "holds the channel" : $"{PortText.Bytes(client.BehindBytes)} behind")}, "
            + $"{(client.MayWrite ? "may write" : "reads only")}, {PortText.Bytes(client.TakenBytes)} taken, {PortText.Bytes(client.GivenBytes)} sent";

    private static string List(IReadOnlyList<string>? words)
        => words is null ? "not yet" : words.Count == 0 ? "none" : string.Join(", ", words.Select(PortText.Safe));

    private static string Word(Notifier notifier) => notifier switch
    {
        Notifier.EventFd => "eventfd",
        Notifier.InBand => "in-band",
        _ => notifier.ToString().ToLowerInvariant(),
    };

    private static string Access(ClientAccess access) => access switch
    {
        ClientAccess.ReadOnly => "clients may only read",
        ClientAccess.WriteOnly => "clients may only write",
        _ => "clients may read and write",
    };

    /// <summary><c>0-5, 8</c>.</summary>
    private static string Ranges(int[] numbers)
    {
        List<string> ranges = [];
        for (int at = 0; at < numbers.Length;)
        {
            int end = at;
            while (end + 1 < numbers.Length && numbers[end + 1] == numbers[end] + 1)
            {
                end++;
            }

            ranges.Add(end == at ? $"{numbers[at]}" : $"{numbers[at]}-{numbers[end]}");
            at = end + 1;
        }

        return string.Join(", ", ranges);
    }

    private sealed class Node(string text)
    {
        private readonly List<Node> _children = [];

        public Node Add(Node child)
        {
            _children.Add(child);
            return child;
        }

        /// <param name="into">The text.</param>
        /// <param name="first">What stands before this node's line.</param>
        /// <param name="below">What stands before the lines of its children.</param>
        public void Write(StringBuilder into, string first, string below)
        {
            _ = into.Append(first).Append(text).Append('\n');
            for (int i = 0; i < _children.Count; i++)
            {
                bool isLast = i == _children.Count - 1;
                _children[i].Write(into, below + (isLast ? "└─ " : "├─ "), below + (isLast ? "   " : "│  "));
            }
        }
    }
}
