namespace VmChannel.Device.Services.Clipboard;

/// <summary>The text a host and one guest share: what each side copied last. Any thread.</summary>
internal sealed class TextClipboard
{
    /// <summary>Longest text either side passes on.</summary>
    public const int MaxTextBytes = 1024 * 1024;

    private volatile byte[]? _hostText;
    private volatile byte[]? _guestText;

    /// <summary>The host has new text. Called on the thread that set it.</summary>
    public event Action? HostTextChanged;

    /// <summary>The guest has new text. Called on the thread of the guest's session.</summary>
    public event Action<ReadOnlyMemory<byte>>? GuestTextChanged;

    /// <summary>What the host copied last, as UTF-8; null before the first time. Never changed in place.</summary>
    public byte[]? HostText => _hostText;

    /// <summary>What the guest copied last, as UTF-8; null before the first time. Never changed in place.</summary>
    public byte[]? GuestText => _guestText;

    /// <summary>Offers text to the guest, in place of whatever was on its clipboard.</summary>
    /// <param name="utf8">At most <see cref="MaxTextBytes"/> of valid UTF-8; owned from here on.</param>
    public void SetHostText(byte[] utf8)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(utf8.Length, MaxTextBytes, nameof(utf8));
        _hostText = utf8;
        HostTextChanged?.Invoke();
    }

    internal void SetGuestText(byte[] utf8)
    {
        _guestText = utf8;
        GuestTextChanged?.Invoke(utf8);
    }
}
