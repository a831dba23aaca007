namespace VmChannel.Native;

/// <summary>Where a region of guest memory lies: for the guest, for the front-end, and in its file.</summary>
public readonly record struct GuestRegion(ulong GuestAddress, ulong Length, ulong UserAddress, ulong FileOffset);

/// <summary>The guest's memory as the front-end described it. Device loop only.</summary>
/// <remarks>
/// Pieces handed out stay valid until their region is removed or all is disposed, which the device loop does only
/// after every ring that uses this memory has stopped.
/// </remarks>
public sealed class GuestMemory : IDisposable
{
    /// <summary>Regions one guest may have (QEMU's memory slots are far fewer; crosvm and others use below 32).</summary>
    public const int MaxRegions = 509;

    private readonly List<Entry> _regions = [];
    private int _last;

    public int RegionCount => _regions.Count;

    /// <summary>Maps one region. False with a reason when it is empty, wraps, overlaps another or exceeds its file.</summary>
    public bool TryAdd(in GuestRegion region, FileDescriptor file, out string? error)
    {
        error = Reject(region);
        if (error is not null)
        {
            return false;
        }

        PosixResult mapped = MappedRegion.Map(file, region.FileOffset + region.Length, out MappedRegion? mapping);
        if (!mapped.IsSuccess)
        {
            error = $"cannot map 0x{region.Length:x} bytes at file offset 0x{region.FileOffset:x}: {mapped.Message}";
            return false;
        }

        _regions.Add(new(region, mapping!));
        return true;
    }

    /// <summary>Unmaps the region that starts at these addresses. False when there is none.</summary>
    public bool Remove(ulong guestAddress, ulong userAddress, ulong length)
    {
        for (int i = 0; i < _regions.Count; i++)
        {
            GuestRegion region = _regions[i].Region;
            if (region.GuestAddress == guestAddress && region.UserAddress == userAddress && region.Length == length)
            {
                _regions[i].Mapping.Dispose();
                _regions.RemoveAt(i);
                _last = 0;
                return true;
            }
        }

        return false;
    }

    /// <summary>Turns a guest range into pieces, one per region it touches. False when any byte lies outside.</summary>
    /// <param name="guestAddress">Guest physical address.</param>
    /// <param name="length">Bytes; zero yields no piece.</param>
    /// <param name="pieces">Receives the pieces.</param>
    /// <param name="count">Pieces written.</param>
    public bool TryTranslate(ulong guestAddress, uint length, Span<IoVector> pieces, out int count)
    {
        count = 0;
        ulong left = length;
        while (left > 0)
        {
            if (count == pieces.Length || !TryFind(guestAddress, out Entry entry))
            {
                return false;
            }

            ulong offset = guestAddress - entry.Region.GuestAddress;
            ulong here = Math.Min(left, entry.Region.Length - offset);
            // SAFETY: offset + here lies inside the region, and the mapping covers FileOffset + Length bytes.
            pieces[count++] = new(entry.Mapping.Address + (nint)(entry.Region.FileOffset + offset), (nuint)here);
            left -= here;
            guestAddress = unchecked(guestAddress + here);
        }

        return true;
    }

    /// <summary>A window on a guest range that lies in one region, for tables the device reads itself.</summary>
    public bool TryWindow(ulong guestAddress, int length, out RingMemory window)
    {
        if (TryFind(guestAddress, out Entry entry) && Fits(guestAddress - entry.Region.GuestAddress, length, entry, out window))
        {
            return true;
        }

        window = default;
        return false;
    }

    /// <summary>As <see cref="TryWindow"/>, from an address of the front-end: ring addresses come in this form.</summary>
    public bool TryUserWindow(ulong userAddress, int length, out RingMemory window)
    {
        foreach (Entry entry in _regions)
        {
            ulong offset = unchecked(userAddress - entry.Region.UserAddress);
            if (offset < entry.Region.Length)
            {
                return Fits(offset, length, entry, out window);
            }
        }

        window = default;
        return false;
    }

    public void Dispose()
    {
        foreach (Entry entry in _regions)
        {
            entry.Mapping.Dispose();
        }

        _regions.Clear();
        _last = 0;
    }

    private static bool Fits(ulong offset, int length, in Entry entry, out RingMemory window)
    {
        if (length < 0 || (ulong)length > entry.Region.Length - offset)
        {
            window = default;
            return false;
        }

        // SAFETY: checked above; the mapping covers FileOffset + Length bytes.
        window = new(entry.Mapping.Address + (nint)(entry.Region.FileOffset + offset), length);
        return true;
    }

    private bool TryFind(ulong guestAddress, out Entry entry)
    {
        // Buffers of one guest mostly lie in one region: look where the last one was found.
        for (int i = 0, at = _last; i < _regions.Count; i++, at = at + 1 == _regions.Count ? 0 : at + 1)
        {
            Entry candidate = _regions[at];
            if (unchecked(guestAddress - candidate.Region.GuestAddress) < candidate.Region.Length)
            {
                _last = at;
                entry = candidate;
                return true;
            }
        }

        entry = default;
        return false;
    }

    private string? Reject(in GuestRegion region)
    {
        if (_regions.Count == MaxRegions)
        {
            return $"more than {MaxRegions} memory regions";
        }

        if (region.Length == 0
            || region.Length > long.MaxValue
            || region.FileOffset > long.MaxValue - region.Length
            || region.GuestAddress > ulong.MaxValue - region.Length
            || region.UserAddress > ulong.MaxValue - region.Length)
        {
            return $"region of 0x{region.Length:x} bytes at guest address 0x{region.GuestAddress:x} is empty or wraps around";
        }

        foreach (Entry entry in _regions)
        {
            if (region.GuestAddress < entry.Region.GuestAddress + entry.Region.Length
                && entry.Region.GuestAddress < region.GuestAddress + region.Length)
            {
                return $"region at guest address 0x{region.GuestAddress:x} overlaps the one at 0x{entry.Region.GuestAddress:x}";
            }
        }

        return null;
    }

    private readonly record struct Entry(GuestRegion Region, MappedRegion Mapping);
}
