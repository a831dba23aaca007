namespace VmChannel.Native;

/// <summary>Numbers of users and groups by name, from wherever the system keeps them: may wait for a directory service.</summary>
public static unsafe class AccountNames
{
    private const int MostBufferBytes = 1024 * 1024;

    private delegate int Lookup(string name, void* entry, byte* buffer, nuint length, void** found);

    /// <summary>The user's number. Null with an error other than <see cref="Errno.None"/> when the system could not look.</summary>
    public static uint? FindUser(string name, out Errno error) => Find(Libc.FindUser, name, out error);

    /// <inheritdoc cref="FindUser"/>
    public static uint? FindGroup(string name, out Errno error) => Find(Libc.FindGroup, name, out error);

    private static uint? Find(Lookup lookup, string name, out Errno error)
    {
        // struct passwd and struct group begin with two pointers and the number; 128 bytes hold either whole.
        byte* entry = stackalloc byte[128];
        for (int size = 4096; ; size *= 4)
        {
            byte[] memory = new byte[size];
            fixed (byte* buffer = memory)
            {
                void* found = null;
                Errno result = (Errno)lookup(name, entry, buffer, (nuint)size, &found);
                if (result == Errno.ResultTooLarge && size < MostBufferBytes)
                {
                    continue;
                }

                // A directory service may say "not found" by an error of its own.
                error = found is not null || result is Errno.NotFound or Errno.NoProcess or Errno.BadDescriptor or Errno.Permission
                    ? Errno.None
                    : result;

                // SAFETY: the system filled the entry when it says so, and the number lies inside the 128 bytes.
                return found is null ? null : *(uint*)(entry + (2 * sizeof(void*)));
            }
        }
    }
}
