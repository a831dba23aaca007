using VmChannel.Device.VirtioSerial;
using VmChannel.Wire.VhostUser;

namespace VmChannel.Device.VhostUser;

/// <summary>Tells front-ends apart by the habits that only one of them has, or else by the name of their process.</summary>
internal sealed class FrontEndSignature(string? process)
{
    private FrontEndKind _byHabit;
    private bool _askedForStatus;

    public FrontEndKind Kind => _byHabit != FrontEndKind.Unknown ? _byHabit : ByName(process);

    /// <summary>A message came.</summary>
    /// <param name="request">What it asks.</param>
    /// <param name="needsReply">It carries NEED_REPLY.</param>
    /// <param name="agreed">Protocol features; null before they are agreed.</param>
    /// <returns>True when that told something new.</returns>
    public bool Note(VhostUserRequest request, bool needsReply, ProtocolFeatures? agreed)
    {
        FrontEndKind before = _byHabit;
        if (before == FrontEndKind.Unknown)
        {
            _askedForStatus |= request is VhostUserRequest.GetMaxMemSlots or VhostUserRequest.SetStatus;
            _byHabit = request switch
            {
                // Asks for an answer in the message that agrees on answers.
                VhostUserRequest.SetProtocolFeatures when needsReply => FrontEndKind.Uml,

                // NEED_REPLY on a request that has a reply of its own.
                VhostUserRequest.GetQueueNum or VhostUserRequest.GetConfig when needsReply => FrontEndKind.CloudHypervisor,

                // Names its call descriptors before any feature.
                VhostUserRequest.SetVringErr => FrontEndKind.Qemu,

                // Hands over memory before it says who owns the device, or agreed on next to nothing.
                VhostUserRequest.SetMemTable when agreed == (ProtocolFeatures.MultiQueue | ProtocolFeatures.Config) => FrontEndKind.Libkrun,

                // Could ask for answers, and does not.
                VhostUserRequest.SetMemTable when !needsReply && !_askedForStatus && agreed is { } some && some.HasFlag(ProtocolFeatures.ReplyAck)
                    => FrontEndKind.Crosvm,
                _ => FrontEndKind.Unknown,
            };
        }

        return _byHabit != before;
    }

    private static FrontEndKind ByName(string? process) => process switch
    {
        null => FrontEndKind.Unknown,
        _ when process.StartsWith("qemu", StringComparison.Ordinal) => FrontEndKind.Qemu,
        _ when process.StartsWith("crosvm", StringComparison.Ordinal) => FrontEndKind.Crosvm,
        _ when process.StartsWith("cloud-hyp", StringComparison.Ordinal) => FrontEndKind.CloudHypervisor,
        _ when process.Contains("krun", StringComparison.Ordinal) => FrontEndKind.Libkrun,
        "linux" or "linux.uml" or "vmlinux" => FrontEndKind.Uml,
        _ => FrontEndKind.Unknown,
    };
}
