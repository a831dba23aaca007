using Microsoft.Extensions.Logging;
using VmChannel.Device.Channels;
using VmChannel.Device.Loop;
using VmChannel.Native;

namespace VmChannel.Device.Chardevs;

/// <summary><c>pty</c>: a new pseudo-terminal; the host end is there while a program has its slave open.</summary>
public sealed class PtyChardev(DeviceLoop loop, string? link, ILogger log) : Chardev(loop, log), IReadiness
{
    private PseudoTerminal? _terminal;
    private Registration? _registration;
    private bool _isLinked;

    public override string Description => _terminal is null || link is not null ? $"pty{(link is null ? "" : $":{link}")}" : $"pty:{_terminal.SlavePath}";

    /// <summary>Such as /dev/pts/3; null before the start.</summary>
    public string? SlavePath => _terminal?.SlavePath;

    /// <summary>Somebody opened or closed the slave.</summary>
    public void OnReady(EpollEvents events)
    {
        Span<byte> reports = stackalloc byte[4096];
        while (_terminal!.Changes.Read(reports).Value > 0)
        {
            // Which way it changed does not matter: the terminal itself knows how it is now.
        }

        TryAttach();
        Look();
    }

    protected override void OnStart()
    {
        try
        {
            _terminal = PseudoTerminal.Open();
        }
        catch (IOException e)
        {
            throw new HostEndException($"pty: {e.Message}: is /dev/pts mounted?", e);
        }

        MakeLink(_terminal.SlavePath);
        _ = Loop.Add(_terminal.Changes, EpollEvents.In, this, out _registration).OrThrow("epoll_ctl");
        ChardevLog.PseudoTerminal(Log, Description, _terminal.SlavePath);
    }

    protected override string? FindEnd()
    {
        if (!Input!.IsHungUp && !Input.IsReadEnded && Input.WriteError == Errno.None)
        {
            return null;
        }

        bool isOpen = _terminal!.IsSlaveOpen(out bool hasInput);
        if (Input.IsReadEnded || Input.WriteError != Errno.None)
        {
            return "everybody closed it";
        }

        if (isOpen)
        {
            Input.ForgetHangUp();
            return null;
        }

        return hasInput ? null : "everybody closed it";
    }

    /// <summary>The next program may have opened it before the last one's end was seen.</summary>
    protected override void OnDetached() => TryAttach();

    protected override void Dispose(bool disposing)
    {
        if (_isLinked && new FileInfo(link!).LinkTarget == _terminal!.SlavePath)
        {
            _ = FileDescriptor.Unlink(link!);
        }

        _isLinked = false;
        base.Dispose(disposing);
        _registration?.Dispose();
        _terminal?.Dispose();
        _terminal = null;
    }

    private void TryAttach()
    {
        if (_terminal is not null && !IsAttached && !IsRetired && (_terminal.IsSlaveOpen(out bool hasInput) || hasInput))
        {
            // A descriptor of its own, so that nothing remembered of the last user is left.
            FileDescriptor master = _terminal.Master.Duplicate();
            Attach(master, master, _terminal.SlavePath);
        }
    }

    private void MakeLink(string slavePath)
    {
        if (link is null)
        {
            return;
        }

        try
        {
            FileInfo old = new(link);
            if (old.LinkTarget is string target && (target == slavePath || old.ResolveLinkTarget(returnFinalTarget: true) is null or { Exists: false }))
            {
                old.Delete();
            }

            _ = File.CreateSymbolicLink(link, slavePath);
            _isLinked = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string advice = Path.Exists(link) ? "something else has this name: remove it or choose another path" : e.Message;
            throw new HostEndException($"pty,path={link}: cannot make the link: {advice}", e);
        }
    }
}
