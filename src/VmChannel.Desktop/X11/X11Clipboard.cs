using System.Buffers.Binary;
using VmChannel.Wire.VdAgent;
using VmChannel.Wire.X11;

namespace VmChannel.Desktop.X11;

/// <summary>The clipboards of an X11 desktop, or of a Wayland desktop's Xwayland.</summary>
/// <remarks>ICCCM §2, and the XFIXES extension, which tells of new owners. One thread receives; it waits for nobody but the display.</remarks>
internal sealed class X11Clipboard : IDesktopClipboard
{
    private const int MaxTargetBytes = 16 * 1024;

    private readonly X11Connection _connection;
    private readonly X11Atoms _atoms;
    private readonly Conversions _conversions;
    private readonly Answers _answers;
    private readonly X11Selection[] _selections;
    private readonly Lock _lock = new();
    private readonly uint _window;
    private readonly byte _ownerCode;
    private readonly TaskCompletionSource<string> _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;

    private X11Clipboard(X11Connection connection)
    {
        _connection = connection;
        _atoms = new(connection);
        _conversions = new(connection, _atoms);
        _answers = new(connection, _atoms);
        _selections = [.. _atoms.Selections.Select(atom => new X11Selection(atom))];
        _window = connection.NewWindow();
        _ = connection.Send(RequestWriter.CreateWindow(_window, connection.Setup.Root));
        _ownerCode = Watch(connection, _window, _selections);
        _thread = new(Receive) { IsBackground = true, Name = "x11" };
    }

    public event Action<ClipboardSelection>? Copied;

    public Task<string> Gone => _gone.Task;

    /// <summary>Connects to a display.</summary>
    /// <exception cref="IOException">There is none, or it does not let us in, or lacks an extension.</exception>
    public static X11Clipboard Open(DisplayName display)
    {
        X11Connection connection = X11Connection.Open(display);
        try
        {
            X11Clipboard clipboard = new(connection);
            clipboard._thread.Start();
            return clipboard;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public ClipboardTypes TypesOf(ClipboardSelection selection)
    {
        lock (_lock)
        {
            return _atoms.TypesOf(_selections[(int)selection].Targets);
        }
    }

    public void Offer(ClipboardSelection selection, ClipboardTypes types, Func<ClipboardType, Task<byte[]?>> fetch)
    {
        X11Selection state = _selections[(int)selection];
        lock (_lock)
        {
            state.Owners++;
            state.Targets = null;
            state.Offer = new(types, fetch);
            state.Offer.Request = Send(RequestWriter.SetSelectionOwner(_window, state.Atom, time: 0));
        }
    }

    public void Withdraw(ClipboardSelection selection)
    {
        X11Selection state = _selections[(int)selection];
        lock (_lock)
        {
            if (state.Offer is X11Offer offer)
            {
                state.Offer = null;

                // With the time at which it became ours, this does nothing to who copied since.
                _ = Send(RequestWriter.SetSelectionOwner(0, state.Atom, offer.Time));
            }
        }
    }

    public async Task<byte[]?> ReadAsync(ClipboardSelection selection, ClipboardType type, int maxBytes)
    {
        X11Selection state = _selections[(int)selection];
        uint target;
        lock (_lock)
        {
            target = _atoms.TargetOf(type, state.Targets);
        }

        try
        {
            return target == 0 ? null : await _conversions.AskAsync(state.Atom, target, maxBytes);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return null; // the display has gone, which is told by Gone
        }
    }

    public void Dispose()
    {
        _connection.HangUp();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _connection.Dispose();
    }

    private static byte Watch(X11Connection connection, uint window, X11Selection[] selections)
    {
        byte[]? extension = connection.Ask(RequestWriter.QueryExtension("XFIXES"));
        if (extension is null || extension[8] == 0 || connection.Ask(RequestWriter.QueryXFixes(extension[9])) is null)
        {
            throw new IOException($"display {connection.Display} has no XFIXES extension, which tells who copied");
        }

        foreach (X11Selection selection in selections)
        {
            _ = connection.Send(RequestWriter.WatchSelection(extension[9], window, selection.Atom));
        }

        return extension[10];
    }

    private void Receive()
    {
        try
        {
            foreach (X11Selection selection in _selections)
            {
                byte[]? answer = _connection.Ask(RequestWriter.GetSelectionOwner(selection.Atom));
                uint owner = answer is null ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(answer.AsSpan(8));
                if (owner != 0 && owner != _window)
                {
                    OnProgramCopied(selection, _connection.SequenceOf(new(answer)));
                }
            }

            while (true)
            {
                On(_connection.Next());
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _conversions.EndAll();
            _ = _gone.TrySetResult(e.Message);
        }
    }

    private void On(byte[] bytes)
    {
        ServerMessage message = new(bytes);
        switch (message.Code)
        {
            case SelectionRequest.Code:
                OnRequest(SelectionRequest.Read(bytes));
                break;
            case SelectionNotify.Code:
                _conversions.On(SelectionNotify.Read(bytes));
                break;
            case PropertyNotify.Code:
                PropertyNotify change = PropertyNotify.Read(bytes);
                _conversions.On(change);
                _answers.On(change);
                break;
            case byte code when code == _ownerCode:
                OnOwner(OwnerNotify.Read(bytes), _connection.SequenceOf(message));
                break;
            default:
                // Errors are of windows of others that have gone meanwhile.
                break;
        }
    }

    private void OnOwner(in OwnerNotify notify, long sequence)
    {
        uint atom = notify.Selection;
        if (Array.Find(_selections, known => known.Atom == atom) is not X11Selection selection)
        {
            return;
        }

        if (notify.Owner != _window)
        {
            OnProgramCopied(selection, sequence, isThere: notify.Owner != 0);
            return;
        }

        lock (_lock)
        {
            if (selection.Offer is X11Offer offer && sequence >= offer.Request)
            {
                offer.Time = notify.Time;
            }
        }
    }

    /// <param name="selection">Where.</param>
    /// <param name="sequence">Of the message that tells it.</param>
    /// <param name="isThere">It has not ended at once.</param>
    private void OnProgramCopied(X11Selection selection, long sequence, bool isThere = true)
    {
        int owner;
        bool wasThere;
        lock (_lock)
        {
            if (sequence < selection.Offer?.Request)
            {
                return; // we have taken it since
            }

            owner = ++selection.Owners;
            wasThere = selection.Targets is not null || selection.Offer is not null;
            selection.Offer = null;
            selection.Targets = null;
        }

        if (isThere)
        {
            _ = LearnAsync(selection, owner);
        }
        else if (wasThere)
        {
            Copied?.Invoke(Of(selection));
        }
    }

    /// <summary>Asks a new owner what it has.</summary>
    private async Task LearnAsync(X11Selection selection, int owner)
    {
        try
        {
            byte[] targets = await _conversions.AskAsync(selection.Atom, _atoms.Targets, MaxTargetBytes) ?? [];
            lock (_lock)
            {
                if (selection.Owners != owner)
                {
                    return;
                }

                selection.Targets = targets;
            }

            // Outside the lock: whoever listens has one of his own.
            Copied?.Invoke(Of(selection));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The display has gone.
        }
    }

    private void OnRequest(SelectionRequest request)
    {
        X11Offer? offer;
        lock (_lock)
        {
            offer = Array.Find(_selections, known => known.Atom == request.Selection)?.Offer;
        }

        if (offer is null)
        {
            _answers.Refuse(request);
        }
        else if (request.Target == _atoms.Targets)
        {
            _answers.Give(request, X11Atoms.Atom, 32, _atoms.TargetsOf(offer.Types));
        }
        else if (request.Target == _atoms.Timestamp)
        {
            _answers.Give(request, X11Atoms.Integer, 32, BitConverter.GetBytes(offer.Time));
        }
        else if (offer.Types.Has(_atoms.TypeOf(request.Target)))
        {
            _ = GiveAsync(request, offer);
        }
        else
        {
            _answers.Refuse(request);
        }
    }

    private async Task GiveAsync(SelectionRequest request, X11Offer offer)
    {
        byte[]? value = null;
        try
        {
            value = await offer.Fetch(_atoms.TypeOf(request.Target));
        }
        catch (IOException)
        {
            // It cannot be had: whoever pastes is told.
        }

        try
        {
            if (value is not null)
            {
                _answers.Give(request, value);
            }
            else
            {
                _answers.Refuse(request);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The display has gone.
        }
    }

    private ClipboardSelection Of(X11Selection selection) => (ClipboardSelection)Array.IndexOf(_selections, selection);

    /// <summary>Sends what has no answer; a display that has gone is told of elsewhere.</summary>
    private long Send(ReadOnlySpan<byte> request)
    {
        try
        {
            return _connection.Send(request);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return 0;
        }
    }
}
