namespace VmChannel.Guest;

/// <summary>A channel could not be opened or used; the message says what was wrong, where, and what to do.</summary>
public class ChannelException : IOException
{
    /// <summary>Makes one.</summary>
    /// <param name="name">Name of the channel.</param>
    /// <param name="message">The whole message.</param>
    public ChannelException(string name, string message)
        : base(message) => Name = name;

    /// <summary>Name of the channel.</summary>
    public string Name { get; }
}

/// <summary>No channel of that name is there, or none came in the time that was given.</summary>
/// <param name="name">Name of the channel.</param>
/// <param name="message">The whole message.</param>
public sealed class ChannelNotFoundException(string name, string message) : ChannelException(name, message);

/// <summary>Another program, or another stream of this one, has the channel open: a channel takes one at a time.</summary>
/// <param name="name">Name of the channel.</param>
/// <param name="message">The whole message.</param>
public sealed class ChannelBusyException(string name, string message) : ChannelException(name, message);

/// <summary>The host took the channel away. It may come back under the same name: open it again.</summary>
/// <param name="name">Name of the channel.</param>
/// <param name="message">The whole message.</param>
public sealed class ChannelUnpluggedException(string name, string message) : ChannelException(name, message);

/// <summary>This user may not open the channel's device.</summary>
/// <param name="name">Name of the channel.</param>
/// <param name="message">The whole message.</param>
public sealed class ChannelAccessDeniedException(string name, string message) : ChannelException(name, message);

/// <summary>The host's end was closed, and the stream ended with it (<see cref="HostCloseBehavior.EndStream"/>).</summary>
/// <param name="name">Name of the channel.</param>
/// <param name="message">The whole message.</param>
public sealed class HostClosedException(string name, string message) : ChannelException(name, message);
