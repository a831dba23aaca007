namespace VmChannel.Device.Channels;

/// <summary>Pairs each opening of a port in the guest with a connection of its own on the host. Loop thread only.</summary>
/// <remarks>
/// Whichever side ends first, the pair is over: what it leaves behind is nobody's, and the next pair begins once the guest
/// has closed the port and the host's connection has ended. So neither side ever hears what was meant for the one before.
/// </remarks>
internal sealed class Pairing
{
    private State _state;

    /// <param name="isJoined">A program in the guest and somebody on the host are at it already.</param>
    public Pairing(bool isJoined) => _state = isJoined ? State.Joined : State.Waiting;

    private enum State
    {
        /// <summary>At most one side is there.</summary>
        Waiting,

        /// <summary>Both sides are there, or the guest's has closed and its bytes are still being delivered.</summary>
        Joined,

        /// <summary>The host's side has left, and the guest's has not closed the port yet, or bytes of it are on their way.</summary>
        Over,
    }

    public bool IsWaiting => _state == State.Waiting;

    public bool IsJoined => _state == State.Joined;

    /// <summary>What the guest still writes is nobody's, and who comes waits.</summary>
    public bool IsOver => _state == State.Over;

    /// <summary>The guest closed the port, and bytes it wrote before may still be on their way.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Somebody who comes now may be part of the pair that is there, or of the next.</summary>
    /// <param name="access">One who queues is alone on his side.</param>
    public bool Admits(ClientAccess access) => _state switch
    {
        State.Waiting => true,
        State.Joined => !IsDraining && access != ClientAccess.Queued,
        _ => false,
    };

    /// <summary>The guest's program and somebody on the host know of each other.</summary>
    public void Join() => _state = _state == State.Waiting ? State.Joined : _state;

    public void OnGuestOpen(bool isOpen) => IsDraining = !isOpen;

    /// <summary>Nobody of the pair is left on the host.</summary>
    public void OnHostLeft() => _state = _state == State.Joined ? State.Over : _state;

    /// <summary>The guest has closed the port, and nothing that it wrote before will come any more.</summary>
    public void OnGuestDrained()
    {
        IsDraining = false;
        _state = State.Waiting;
    }
}
