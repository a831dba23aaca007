namespace VmChannel.GuestTool.Doctor;

/// <summary>How bad a finding is.</summary>
internal enum Severity
{
    /// <summary>Good to know; nothing is wrong.</summary>
    Note,

    /// <summary>Some channel cannot be used by everybody who should.</summary>
    Warning,

    /// <summary>No channel can be used.</summary>
    Error,
}

/// <summary>Something the doctor found.</summary>
/// <param name="Severity">How bad it is.</param>
/// <param name="Code">What it is, for programs.</param>
/// <param name="What">What it is, for people: a sentence without a full stop.</param>
/// <param name="Fix">What to do; null when there is nothing to do.</param>
internal sealed record Finding(Severity Severity, string Code, string What, string? Fix = null);
