namespace VmChannel.Testing;

/// <summary>A guest program that writes and reads a port at the same time.</summary>
public static class PortExchange
{
    /// <summary>Writes all of <paramref name="toHost"/> and reads <paramref name="count"/> bytes, whichever can go on.</summary>
    /// <exception cref="TimeoutException">Nothing moved for a long time.</exception>
    public static byte[] Run(SerialDriver driver, int port, ReadOnlyMemory<byte> toHost, int count)
    {
        DriverQueue output = driver.Output(port);
        List<byte> received = new(count);
        while (received.Count < count || !toHost.IsEmpty)
        {
            bool moved = false;
            Wait.Until(
                () =>
                {
                    int before = received.Count;
                    driver.Receive(port, received);
                    int length = Math.Min(toHost.Length, output.BufferBytes);
                    if (length > 0 && output.TrySend(toHost.Span[..length]))
                    {
                        toHost = toHost[length..];
                        moved = true;
                    }

                    moved |= received.Count > before;
                    return moved;
                },
                $"bytes to move; {received.Count} of {count} received, {toHost.Length} not sent");
        }

        return [.. received];
    }
}
