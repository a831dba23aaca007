namespace VmChannel.Cli.Top;

/// <summary>How ports are sorted; a key goes from one to the next.</summary>
internal enum TopOrder
{
    /// <summary>The busiest first.</summary>
    Rate,

    /// <summary>Those that moved most since they were plugged in first.</summary>
    Total,

    /// <summary>By VM and number.</summary>
    Name,
}
