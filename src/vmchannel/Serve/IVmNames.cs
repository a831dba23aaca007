namespace VmChannel.Cli.Serve;

/// <summary>Keeps two servers of one user from having VMs of one name.</summary>
internal interface IVmNames
{
    /// <summary>Takes a name.</summary>
    /// <exception cref="IOException">Another process has it; the message says what to do.</exception>
    void Claim(string vm);

    /// <summary>Gives it back.</summary>
    void Release(string vm);
}
