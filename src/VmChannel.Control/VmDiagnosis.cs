using System.Text.Json.Serialization;

namespace VmChannel.Control;

/// <summary>What is wrong with a VM's channels, and what that was told from.</summary>
/// <param name="Inspection">All that is known about the VM.</param>
/// <param name="Findings">Worst first; empty when all is well.</param>
public sealed record VmDiagnosis(VmInspection Inspection, IReadOnlyList<FindingInfo> Findings);

/// <summary>Something a person should know about a VM's channels.</summary>
/// <param name="Severity">How bad.</param>
/// <param name="Code">Its name for programs, kept for ever: <c>memory-not-shared</c>.</param>
/// <param name="What">What is wrong, in a sentence.</param>
/// <param name="Port">Number of the port it is about; null when it is about the device.</param>
/// <param name="Fix">What to do, exact for the front-end at hand; null when there is nothing to do.</param>
public sealed record FindingInfo(FindingSeverity Severity, string Code, string What, int? Port = null, string? Fix = null);

/// <summary>How bad a finding is.</summary>
[JsonConverter(typeof(KebabCase<FindingSeverity>))]
public enum FindingSeverity
{
    /// <summary>Nothing is wrong; worth knowing.</summary>
    Note,

    /// <summary>Something may be wrong, or works less well than it could.</summary>
    Warning,

    /// <summary>It cannot work like this.</summary>
    Error,
}
