namespace VmChannel.Control;

/// <summary>What <c>vmchannel doctor --json</c> writes.</summary>
/// <param name="Machine">Findings about this machine that no server can know, such as that none runs.</param>
/// <param name="Vms">Of each VM.</param>
public sealed record DoctorReport(IReadOnlyList<FindingInfo> Machine, IReadOnlyList<VmDiagnosis> Vms);
