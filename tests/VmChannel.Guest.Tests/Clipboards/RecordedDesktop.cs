using VmChannel.Desktop;
using VmChannel.Wire.VdAgent;

namespace VmChannel.Guest.Tests.Clipboards;

/// <summary>A desktop for one conversation: whose programs copy and paste when the test says so.</summary>
internal sealed class RecordedDesktop : IDesktopClipboard
{
    private readonly byte[]?[] _copied = new byte[2][];
    private readonly Func<ClipboardType, Task<byte[]?>>?[] _offers = new Func<ClipboardType, Task<byte[]?>>?[2];

    public event Action<ClipboardSelection>? Copied;

    public Task<string> Gone => Task.FromResult("");

    public ClipboardTypes TypesOf(ClipboardSelection selection) => _copied[(int)selection] is null ? ClipboardTypes.None : ClipboardTypes.Utf8Text;

    public void Offer(ClipboardSelection selection, ClipboardTypes types, Func<ClipboardType, Task<byte[]?>> fetch)
    {
        _copied[(int)selection] = null;
        _offers[(int)selection] = fetch;
    }

    public void Withdraw(ClipboardSelection selection) => _offers[(int)selection] = null;

    public Task<byte[]?> ReadAsync(ClipboardSelection selection, ClipboardType type, int maxBytes)
        => Task.FromResult(_copied[(int)selection] is byte[] bytes && bytes.Length <= maxBytes && type == ClipboardType.Utf8Text ? bytes : null);

    public void Dispose()
    {
    }

    /// <summary>The desktop offers something of the host's.</summary>
    public bool IsOffering(ClipboardSelection selection) => _offers[(int)selection] is not null;

    /// <summary>A program copies.</summary>
    public void Copy(ClipboardSelection selection, byte[] bytes)
    {
        _copied[(int)selection] = bytes;
        _offers[(int)selection] = null;
        Copied?.Invoke(selection);
    }

    /// <summary>A program pastes.</summary>
    public Task<byte[]?> PasteAsync(ClipboardSelection selection) => _offers[(int)selection]?.Invoke(ClipboardType.Utf8Text) ?? Task.FromResult<byte[]?>(null);
}
