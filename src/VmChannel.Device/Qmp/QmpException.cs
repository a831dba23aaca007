namespace VmChannel.Device.Qmp;

/// <summary>QEMU refused a command, or could not be asked. The message is for people and names the command.</summary>
public sealed class QmpException : IOException
{
    public QmpException(string message)
        : base(message)
    {
    }

    public QmpException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <param name="command">What was asked, such as <c>device_add</c>.</param>
    /// <param name="class">QEMU's word for the kind of error.</param>
    /// <param name="description">QEMU's own words.</param>
    public QmpException(string command, string @class, string description)
        : base($"{command}: {description}")
    {
        Class = @class;
        Description = description;
    }

    /// <summary>QEMU's word for the kind of error, such as <c>DeviceNotFound</c>; null when it was not QEMU that refused.</summary>
    public string? Class { get; }

    /// <summary>QEMU's own words, without the command; null when it was not QEMU that refused.</summary>
    public string? Description { get; }
}
