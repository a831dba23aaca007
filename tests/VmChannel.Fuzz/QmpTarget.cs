using VmChannel.Device.Qmp;
using VmChannel.Wire.Qmp;

namespace VmChannel.Fuzz;

/// <summary>Any bytes as a line of QEMU's monitor: it is read, or else a reason says why not; whatever is in it can be looked at.</summary>
public static class QmpTarget
{
    public static void Run(ReadOnlySpan<byte> input)
    {
        bool isRead = QmpMessage.TryParse(input, out QmpMessage? message, out string? reason);
        if (isRead != (message is not null) || isRead != (reason is null))
        {
            throw new InvalidOperationException("neither read nor refused");
        }

        switch (message)
        {
            case QmpMessage.Event happened:
                _ = (happened.Data.Text("id"), happened.Data.Truth("open"), happened.Name.Length);
                break;
            case QmpMessage.Answer answer:
                foreach (System.Text.Json.JsonElement element in answer.Value.Elements())
                {
                    _ = (element.Text("label"), element.Number("nr"), element.Truth("frontend-open"), element.AsText(), element.AsNumber());
                }

                _ = answer.Value.Member("pci_bridge").Member("devices");
                if (answer.Value.AsText() is string text && DeviceTree.FindGuestOpen(text, "vmchannel-1-1") is not null && !text.Contains("vmchannel-1-1", StringComparison.Ordinal))
                {
                    throw new InvalidOperationException("a state of a port that is not there");
                }

                break;
            case QmpMessage.Greeting greeting when greeting.Major < 0 || greeting.Minor < 0 || greeting.Micro < 0:
                throw new InvalidOperationException("a version below zero");
        }
    }
}
