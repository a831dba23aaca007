namespace VmChannel.Device.Diagnosis;

/// <summary>Something a person should know about a VM's channels.</summary>
/// <param name="Severity">How bad.</param>
/// <param name="Code">Its name for programs, kept for ever: <c>memory-not-shared</c>.</param>
/// <param name="Port">The port it is about; null when it is about the device.</param>
/// <param name="What">What is wrong, in a sentence.</param>
/// <param name="Fix">What to do, exact for the front-end at hand; null when there is nothing to do.</param>
public sealed record Finding(Severity Severity, string Code, int? Port, string What, string? Fix);

/// <summary>How bad a finding is.</summary>
public enum Severity
{
    /// <summary>Nothing is wrong; worth knowing.</summary>
    Note,

    /// <summary>Something may be wrong, or works less well than it could.</summary>
    Warning,

    /// <summary>It cannot work like this.</summary>
    Error,
}
