using VmChannel.Native;

namespace VmChannel.GuestTool.Init;

/// <summary>Writes all bytes to a port that is open for blocking writes.</summary>
internal static class PortWriter
{
    private static readonly TimeSpan RaceCheck = TimeSpan.FromMilliseconds(5);

    /// <summary>Blocks until the driver has every byte.</summary>
    /// <returns>False when the port was unplugged.</returns>
    public static bool WriteAll(FileDescriptor port, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            PosixResult written = port.Write(bytes);
            if (!written.IsSuccess && !written.IsAgain)
            {
                return false;
            }

            if (written.IsAgain || written.Value == 0)
            {
                // 0 is a race in the driver between two looks at its ring.
                _ = Poll.Wait([], RaceCheck);
                continue;
            }

            bytes = bytes[(int)written.Value..];
        }

        return true;
    }
}
