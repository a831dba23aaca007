using VmChannel.Wire.VdAgent;

namespace VmChannel.Device.Services.Clipboard;

/// <summary>A guest's clipboard data while its message comes in. The session's reading side only.</summary>
/// <param name="head">What it is.</param>
/// <param name="asked">Who asked for it; null = nobody.</param>
/// <param name="pushed">Gets what nobody asked for; null = that is of no use.</param>
/// <param name="maxBytes">More is not kept.</param>
internal sealed class IncomingData(ClipboardRequest head, GuestFetch? asked, Action<ClipboardContent>? pushed, int maxBytes) : IDisposable
{
    private ClipboardContent? _content = (asked is null && pushed is null) || asked?.IsOver == true ? null : new(head.Type);

    public ClipboardSelection Selection => head.Selection;

    public ClipboardType Type => head.Type;

    /// <summary>Nobody asked for it.</summary>
    public bool IsPushed => asked is null;

    /// <summary>More than may pass: what came so far is given back, and what follows is not kept.</summary>
    public void Refuse()
    {
        GiveBack();
        asked?.Fail(ClipboardFault.TooLong, $"the guest's {ClipboardWords.Of(head.Type)} is longer than max-size={maxBytes} of the channel");
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (asked?.IsOver == true)
        {
            // Whoever asked has left: the rest is only read past.
            GiveBack();
        }

        asked?.Renew();
        if (!bytes.IsEmpty)
        {
            _content?.Append(bytes);
        }
    }

    /// <summary>The last byte has come. Returns how many there are, or null when what came is of no use.</summary>
    public int? Finish()
    {
        if (_content is not ClipboardContent content)
        {
            return asked is null ? null : 0;
        }

        _content = null;
        bool isText = head.Type == ClipboardType.Utf8Text;
        if (isText)
        {
            content.TrimNuls();
        }

        bool isUseful = head.Type == (asked?.Type ?? head.Type) && content.Length > 0 && (!isText || content.IsUtf8());
        if (isUseful)
        {
            int bytes = content.Length;
            (asked is null ? pushed! : asked.Complete)(content);
            return bytes;
        }

        bool isEmpty = head.Type == ClipboardType.None || content.Length == 0;
        content.Dispose();
        if (asked is null)
        {
            return null;
        }

        if (isEmpty)
        {
            // What an agent answers that has lost the data meanwhile, or that knows our limit and has more.
            asked.Fail(ClipboardFault.NotThere, $"the guest gave no {ClipboardWords.Of(asked.Type)}: it has it no more, or more than max-size={maxBytes} bytes");
            return 0;
        }

        asked.Fail(ClipboardFault.NotText, $"what the guest calls {ClipboardWords.Of(asked.Type)} is something else");
        return null;
    }

    /// <summary>Whoever still waits is told that nothing more comes.</summary>
    public void Dispose()
    {
        GiveBack();
        asked?.Fail(ClipboardFault.NotThere, "the guest's agent has gone");
    }

    private void GiveBack()
    {
        _content?.Dispose();
        _content = null;
    }
}
