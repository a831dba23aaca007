using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Native;

namespace VmChannel.Device.Qmp;

/// <summary>A port whose bytes go through descriptors that the VMM has at their other ends. Loop thread only.</summary>
/// <remarks>
/// Bytes pass through this process's memory, at most one buffer each way, and only what the other side is likely to take is
/// read: what nobody takes stays with the VMM, and its guest waits.
/// <para>
/// QEMU throws away what its guest has written and nobody has read yet, when it is told that the host end is gone. So it is
/// told only after the guest has been silent for a moment with everything delivered, or when the port is closed in the guest;
/// until then the guest's writer just waits.
/// </para>
/// </remarks>
internal sealed class LinkedPort : Runnable, IDisposable
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestQuiet = TimeSpan.FromSeconds(1);

    /// <summary>QEMU tells of a port that was opened or closed at most once a second, what it was last.</summary>
    private static readonly TimeSpan LatestNews = TimeSpan.FromSeconds(1.5);

    private readonly DeviceLoop _loop;
    private readonly FlowWatch _flow;
    private readonly LoopTimer _look;
    private readonly LoopTimer _verify;
    private readonly Action<LinkedPort> _changed;
    private LinkDescriptor? _input;
    private LinkDescriptor? _output;
    private TimeSpan _pause = Quiet;
    private long _seen;
    private long _newsBefore;
    private bool _isDisposed;

    /// <param name="port">The port.</param>
    /// <param name="loop">Serves it.</param>
    /// <param name="stallAfter">How long bytes wait before the port counts as stalled.</param>
    /// <param name="changed">Called when the guest is to be told something else of the host end, or the VMM to be asked about the guest.</param>
    public LinkedPort(Port port, DeviceLoop loop, TimeSpan stallAfter, Action<LinkedPort> changed)
    {
        Port = port;
        _loop = loop;
        _changed = changed;
        _flow = new FlowWatch(port, loop, stallAfter);
        _look = new LoopTimer(LookForQuiet);
        _verify = new LoopTimer(Verify);
        IsHostOpenWanted = port.IsHostOpen;
        port.AttachTransport(OnPortWake);
    }

    public Port Port { get; }

    /// <summary>Its pipes are older than this process: QEMU may have them open.</summary>
    public bool HasOldPipes { get; set; }

    /// <summary>Called when the other side is gone, and everything it sent was delivered.</summary>
    public Action? Ended { get; init; }

    /// <summary>Done when the VMM has the port; fails when it refuses.</summary>
    public TaskCompletionSource Carried { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What the guest is to be told of the host end.</summary>
    public bool IsHostOpenWanted { get; private set; }

    /// <summary>Bytes of the guest that the host end has not taken.</summary>
    public StagedBytes FromGuest { get; } = new();

    /// <summary>Bytes for the guest that the VMM has not taken.</summary>
    public StagedBytes ToGuest { get; } = new();

    /// <summary>It is not certain that the guest has the port open: the VMM is to be asked.</summary>
    public bool IsGuestUncertain { get; private set; }

    /// <summary>How often the VMM said whether the guest has the port open.</summary>
    public long GuestNews { get; private set; }

    /// <summary>Nothing of the guest is known to be on its way.</summary>
    public bool IsDelivered => FromGuest.IsEmpty && _input is not { IsEnded: false, IsEmpty: false };

    public bool IsConnected => _input is not null;

    /// <summary>Bytes go through these from now on.</summary>
    /// <param name="input">Of the guest; owned from here on.</param>
    /// <param name="output">For the guest; may be the same.</param>
    public void Connect(FileDescriptor input, FileDescriptor output)
    {
        if (ReferenceEquals(input, output))
        {
            _input = _output = new LinkDescriptor(_loop, input, EpollEvents.In | EpollEvents.Out | EpollEvents.ReadHangUp, OnReady);
        }
        else
        {
            _input = new LinkDescriptor(_loop, input, EpollEvents.In, OnReady);
            _output = new LinkDescriptor(_loop, output, EpollEvents.Out, OnReady);
        }

        _loop.Schedule(this);
    }

    /// <summary>Closes the descriptors. What waits here is kept.</summary>
    public void Disconnect()
    {
        _input?.Dispose();
        _output?.Dispose();
        _input = _output = null;
        _flow.Settle();
    }

    /// <summary>The VMM says whether a program in the guest has the port open.</summary>
    public void SetGuestOpen(bool isOpen, string? cause = null)
    {
        GuestNews++;
        IsGuestUncertain = false;
        if (isOpen)
        {
            // Only a driver that has set the port up, and knows its name, lets a program open it.
            Port.Record.SetReady(Port.Spec.Protocol is not null);
        }

        Port.SetGuestOpen(isOpen, cause);
        LookLater();
        _loop.Schedule(this);
    }

    /// <summary>The VMM has the port from before, and its guest was told so of the host end.</summary>
    public void OnTakenOver(bool isHostOpen)
    {
        if (isHostOpen && !IsHostOpenWanted)
        {
            // Not to be told otherwise before what waits was delivered.
            IsHostOpenWanted = true;
            LookLater();
        }
    }

    /// <summary>The guest starts over, or its VMM is gone: nobody has the port open, or knows it.</summary>
    public void ForgetGuest(string cause)
    {
        SetGuestOpen(false, cause);
        Port.Record.ForgetDriver();
    }

    public void Dispose()
    {
        _isDisposed = true;
        _look.Dispose();
        _verify.Dispose();
        _flow.Stop();
        Disconnect();
        Port.AttachTransport(null);
    }

    protected internal override bool Run()
    {
        if (_isDisposed || _input is null)
        {
            return false;
        }

        long before = Port.Counters.FromGuestBytes + Port.Counters.ToGuestBytes;
        bool more = MoveFromGuest(_input);
        more |= MoveToGuest(_output!);
        Moved += Port.Counters.FromGuestBytes + Port.Counters.ToGuestBytes - before;
        if (FromGuest.IsEmpty && (_input.IsEnded || (_input.IsHungUp && _input.IsEmpty)))
        {
            Ended?.Invoke();
            return false;
        }

        LookLater();
        return more;
    }

    private bool MoveFromGuest(LinkDescriptor input)
    {
        if (FromGuest.IsEmpty)
        {
            if (!Port.IsHostOpen)
            {
                // Left where it is: with the VMM it is safe even from the end of this process.
                _flow.OnOffered(moved: false, isFull: input is { CanRead: true, IsEmpty: false });
                return false;
            }

            FromGuest.Put(input.Read(FromGuest.Room));
            if (FromGuest.IsEmpty)
            {
                _flow.OnOffered(moved: true, isFull: false);
                return false;
            }
        }

        if (Port is { IsGuestOpen: false, IsDraining: false })
        {
            SuspectGuestOpen();
        }

        long waiting = FromGuest.Count;
        long taken = Port.FromGuest([FromGuest.Waiting], waiting);
        FromGuest.Take(taken);
        Port.Counters.FromGuestMessages += taken > 0 ? 1 : 0;
        bool isFull = taken < waiting;
        _flow.OnOffered(taken > 0, isFull);

        // Full: the host end wakes us.
        return !isFull && input.CanRead;
    }

    /// <summary>Only who has the port open can have written: the news of that is late, or lost among others.</summary>
    private void SuspectGuestOpen()
    {
        SetGuestOpen(true, "it wrote");
        _newsBefore = GuestNews;
        _loop.Set(_verify, LatestNews);
    }

    private void Verify()
    {
        IsGuestUncertain = !_isDisposed && Port.IsGuestOpen && GuestNews == _newsBefore;
        if (IsGuestUncertain)
        {
            _changed(this);
        }
    }

    private bool MoveToGuest(LinkDescriptor output)
    {
        if (!Port.IsGuestOpen)
        {
            _flow.OnGiven();
            return false;
        }

        if (ToGuest.IsEmpty && output.CanWrite && Port.MayRead)
        {
            ToGuest.Put(Port.ToGuest([ToGuest.Room]));
            Port.Counters.ToGuestMessages += ToGuest.IsEmpty ? 0 : 1;
        }

        bool hadAny = !ToGuest.IsEmpty;
        if (hadAny)
        {
            ToGuest.Take(output.Write(ToGuest.Waiting));
        }

        if (output.CanWrite)
        {
            _flow.OnGiven();
        }
        else
        {
            _flow.OnNoBuffers(hadBuffers: true);
        }

        return hadAny && ToGuest.IsEmpty && output.CanWrite;
    }

    private void OnReady() => _loop.Schedule(this);

    private void OnPortWake()
    {
        if (Port.IsHostOpen && !IsHostOpenWanted)
        {
            SetHostOpen(true);
        }

        _pause = Quiet;
        _loop.Schedule(this);
        LookLater();
    }

    private void SetHostOpen(bool isOpen)
    {
        IsHostOpenWanted = isOpen;
        _changed(this);
    }

    private bool AwaitsQuiet => Port.IsDraining || (IsHostOpenWanted && !Port.IsHostOpen);

    private void LookLater()
    {
        // Bytes that nobody takes need no looking after: who comes for them wakes this port.
        if (AwaitsQuiet && !_isDisposed && (IsDelivered || Port.IsHostOpen))
        {
            _loop.Set(_look, _pause);
        }
    }

    /// <summary>Nothing came for a moment, and nothing waits.</summary>
    private void LookForQuiet()
    {
        if (_isDisposed || !AwaitsQuiet)
        {
            return;
        }

        long moved = Port.Counters.FromGuestBytes;
        bool isQuiet = IsDelivered && moved == _seen;
        _seen = moved;
        if (isQuiet && Port.IsDraining)
        {
            Port.OnDrained();
        }

        bool isTaken = !Port.IsGuestOpen || (ToGuest.IsEmpty && _output is not { HasUnread: true });
        if (isQuiet && isTaken && IsHostOpenWanted && !Port.IsHostOpen)
        {
            SetHostOpen(false);
        }

        // A guest that does not read may do so for hours.
        _pause = isQuiet && !isTaken ? TimeSpan.FromTicks(Math.Min(2 * _pause.Ticks, LongestQuiet.Ticks)) : Quiet;
        LookLater();
    }
}
