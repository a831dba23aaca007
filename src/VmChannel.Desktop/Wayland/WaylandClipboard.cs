using VmChannel.Native;
using VmChannel.Wire.VdAgent;
using VmChannel.Wire.Wayland;

namespace VmChannel.Desktop.Wayland;

/// <summary>The clipboards of a Wayland desktop whose compositor has data control.</summary>
/// <remarks>ext-data-control-v1, wlr-data-control-unstable-v1. One thread receives; it waits for nobody but the compositor.</remarks>
internal sealed class WaylandClipboard : IDesktopClipboard
{
    private const int MaxOffers = 64;
    private const int MaxTransfers = 16;

    /// <summary>A form that only we offer, so that ours is known for what it is.</summary>
    private readonly string _mark = $"application/x-vmchannel-{Guid.NewGuid():N}";

    private readonly WaylandConnection _connection;
    private readonly WaylandDevice _device;
    private readonly Lock _lock = new();
    private readonly WaylandSelection[] _selections = [new(), new()];
    private readonly Dictionary<uint, WaylandOffer> _offers = [];

    /// <summary>Ours that the compositor has not forgotten: of those we gave up it may still tell.</summary>
    private readonly HashSet<uint> _sources = [];
    private readonly TaskCompletionSource<string> _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private int _transfers;

    private WaylandClipboard(WaylandConnection connection)
    {
        _connection = connection;
        _device = WaylandDevice.Open(connection);
        _thread = new(Receive) { IsBackground = true, Name = "wayland" };
    }

    public event Action<ClipboardSelection>? Copied;

    public Task<string> Gone => _gone.Task;

    /// <summary>Connects to a compositor.</summary>
    /// <exception cref="IOException">There is none, or it lacks data control.</exception>
    public static WaylandClipboard Open(string display)
    {
        WaylandConnection connection = WaylandConnection.Open(display);
        try
        {
            WaylandClipboard clipboard = new(connection);
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
            ClipboardTypes types = ClipboardTypes.None;
            foreach (string name in _selections[(int)selection].Theirs?.MediaTypes ?? [])
            {
                types |= MediaTypes.TypeOf(name).Only();
            }

            return types;
        }
    }

    public void Offer(ClipboardSelection selection, ClipboardTypes types, Func<ClipboardType, Task<byte[]?>> fetch)
    {
        if (selection == ClipboardSelection.Primary && !_device.HasPrimary)
        {
            return;
        }

        lock (_lock)
        {
            WaylandSelection state = _selections[(int)selection];
            GiveUp(state);
            uint id = _connection.NewObject();
            state.Source = new(id, types, fetch);
            state.Settling = _connection.NewObject();
            _ = _sources.Add(id);
            Send(WaylandRequest.CreateSource(_device.Manager, id));
            foreach ((string name, _) in MediaTypes.All.Where(known => types.Has(known.Type)))
            {
                Send(WaylandRequest.Offer(id, name));
            }

            Send(WaylandRequest.Offer(id, _mark));
            Send(selection == ClipboardSelection.Primary ? WaylandRequest.SetPrimarySelection(_device.Device, id) : WaylandRequest.SetSelection(_device.Device, id));
            Send(WaylandRequest.Sync(state.Settling));
        }
    }

    /// <remarks>A source that is destroyed takes itself off the clipboard; nobody else's is touched.</remarks>
    public void Withdraw(ClipboardSelection selection)
    {
        lock (_lock)
        {
            GiveUp(_selections[(int)selection]);
        }
    }

    public async Task<byte[]?> ReadAsync(ClipboardSelection selection, ClipboardType type, int maxBytes)
    {
        if (Interlocked.Increment(ref _transfers) > MaxTransfers)
        {
            _ = Interlocked.Decrement(ref _transfers);
            return null;
        }

        try
        {
            (FileDescriptor reader, FileDescriptor writer) = AnonymousPipe.Create();
            using (reader)
            {
                using (writer)
                {
                    lock (_lock)
                    {
                        if (_selections[(int)selection].Theirs is not WaylandOffer offer
                            || MediaTypes.All.FirstOrDefault(known => known.Type == type && offer.MediaTypes.Contains(known.Name)).Name is not string name)
                        {
                            return null;
                        }

                        Send(WaylandRequest.Receive(offer.Id, name), writer);
                    }
                }

                return await Task.Factory.StartNew(
                    () => PipeTransfer.Read(reader, maxBytes), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
        }
        catch (IOException)
        {
            return null; // no descriptor is left
        }
        finally
        {
            _ = Interlocked.Decrement(ref _transfers);
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

    private void Receive()
    {
        try
        {
            while (true)
            {
                On(_connection.Next());
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _ = _gone.TrySetResult(e.Message);
        }
    }

    private void On(byte[] bytes)
    {
        WaylandMessage message = new(bytes);
        ReadOnlySpan<byte> arguments = message.Arguments;
        ClipboardSelection? news = null;
        lock (_lock)
        {
            if (message.Target == WaylandRequest.Display)
            {
                OnDisplay(message.Opcode, arguments);
            }
            else if (message.Target == _device.Device)
            {
                news = OnDevice(message.Opcode, arguments);
            }
            else if (_offers.TryGetValue(message.Target, out WaylandOffer? offer))
            {
                if (WaylandMessage.TryTakeString(ref arguments, out string name))
                {
                    offer.IsOurs |= name == _mark;
                    _ = MediaTypes.TypeOf(name) != ClipboardType.None && offer.MediaTypes.Add(name);
                }
            }
            else if (_sources.Contains(message.Target))
            {
                OnSource(message, arguments);
            }
            else if (Settled(message.Target) is WaylandSelection settled)
            {
                settled.Settling = 0;
                news = settled.Theirs is null ? null : Of(settled);
            }
        }

        if (news is ClipboardSelection copied)
        {
            // Outside the lock: whoever listens has one of his own.
            Copied?.Invoke(copied);
        }
    }

    private WaylandSelection? Settled(uint callback) => Array.Find(_selections, known => known.Settling == callback);

    private void OnDisplay(ushort opcode, ReadOnlySpan<byte> arguments)
    {
        if (!WaylandMessage.TryTakeWord(ref arguments, out uint id))
        {
            return;
        }

        if (opcode == 1)
        {
            _ = _sources.Remove(id);
            _connection.Free(id);
        }
        else if (opcode == 0 && WaylandMessage.TryTakeWord(ref arguments, out _) && WaylandMessage.TryTakeString(ref arguments, out string reason))
        {
            throw new IOException($"compositor {_connection.Display} has ended the connection: {reason}");
        }
    }

    /// <returns>The selection in which a program has copied, or whose data is gone.</returns>
    private ClipboardSelection? OnDevice(ushort opcode, ReadOnlySpan<byte> arguments)
    {
        if (opcode == 2)
        {
            throw new IOException($"compositor {_connection.Display} has no seat any more");
        }

        if (!WaylandMessage.TryTakeWord(ref arguments, out uint id))
        {
            return null;
        }

        if (opcode == 0)
        {
            _offers[id] = _offers.Count < MaxOffers ? new(id) : throw new IOException($"compositor {_connection.Display} offers without end");
            return null;
        }

        WaylandSelection selection = _selections[opcode == 3 ? 1 : 0];
        bool wasThere = selection.Theirs is not null;
        if (selection.Current is WaylandOffer former && former.Id != id && _offers.Remove(former.Id))
        {
            Send(WaylandRequest.DestroyOffer(former.Id));
        }

        selection.Current = _offers.GetValueOrDefault(id);
        if (selection.Settling != 0)
        {
            return null;
        }

        if (selection.Theirs is not null)
        {
            GiveUp(selection);
        }

        return selection.Theirs is not null || (wasThere && selection.Current is null) ? Of(selection) : null;
    }

    private void OnSource(in WaylandMessage message, ReadOnlySpan<byte> arguments)
    {
        uint id = message.Target;
        WaylandSelection? selection = Array.Find(_selections, known => known.Source?.Id == id);
        if (message.Opcode == 1)
        {
            if (selection is not null)
            {
                GiveUp(selection);
            }

            return;
        }

        if (selection?.Source is WaylandSource source && WaylandMessage.TryTakeString(ref arguments, out string name)
            && source.Types.Has(MediaTypes.TypeOf(name)) && _transfers < MaxTransfers)
        {
            _ = Interlocked.Increment(ref _transfers);
            _ = GiveAsync(source, MediaTypes.TypeOf(name), _connection.TakeDescriptor());
        }
        else
        {
            _connection.TakeDescriptor().Dispose();
        }
    }

    /// <summary>Takes the pipe over, and a transfer that was counted: both are given back whatever comes of it.</summary>
    private async Task GiveAsync(WaylandSource source, ClipboardType type, FileDescriptor pipe)
    {
        // Not under the lock of who received the question.
        await Task.Yield();
        try
        {
            using (pipe)
            {
                byte[]? value = await source.Fetch(type);
                await Task.Factory.StartNew(
                    () => PipeTransfer.Write(pipe, value), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
        }
        catch (IOException)
        {
            // It cannot be had: whoever pastes finds the end of the pipe.
        }
        finally
        {
            _ = Interlocked.Decrement(ref _transfers);
        }
    }

    private void GiveUp(WaylandSelection selection)
    {
        if (selection.Source is WaylandSource source)
        {
            selection.Source = null;
            Send(WaylandRequest.DestroySource(source.Id));
        }
    }

    private ClipboardSelection Of(WaylandSelection selection) => (ClipboardSelection)Array.IndexOf(_selections, selection);

    /// <summary>A compositor that has gone is told of by <see cref="Gone"/>.</summary>
    private void Send(ReadOnlySpan<byte> request, params ReadOnlySpan<FileDescriptor> descriptors)
    {
        try
        {
            _connection.Send(request, descriptors);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _ = _gone.TrySetResult(e.Message);
        }
    }
}
