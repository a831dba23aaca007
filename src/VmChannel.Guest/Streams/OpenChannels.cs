namespace VmChannel.Guest;

/// <summary>The channels that this process has open, for those who list and watch.</summary>
internal static class OpenChannels
{
    private static readonly Lock Lock = new();
    private static readonly List<OpenChannel> Open = [];
    private static Action? _onChange;

    /// <summary>Called on some thread after the host's end of one has opened or closed, and must not block.</summary>
    public static event Action OnChange
    {
        add
        {
            lock (Lock)
            {
                _onChange += value;
            }
        }

        remove
        {
            lock (Lock)
            {
                _onChange -= value;
            }
        }
    }

    public static void Add(OpenChannel channel)
    {
        lock (Lock)
        {
            Open.Add(channel);
        }
    }

    public static void Remove(OpenChannel channel)
    {
        lock (Lock)
        {
            _ = Open.Remove(channel);
        }
    }

    /// <summary>The one with this device; null when this process has it not open.</summary>
    public static OpenChannel? Find(string devicePath)
    {
        lock (Lock)
        {
            return Open.Find(channel => channel.Info.DevicePath == devicePath);
        }
    }

    public static void Tell()
    {
        Action? onChange;
        lock (Lock)
        {
            onChange = _onChange;
        }

        onChange?.Invoke();
    }
}
