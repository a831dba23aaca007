using VmChannel.Cli.Fetch;
using VmChannel.Cli.Run;

namespace VmChannel.SystemTests.Rig;

/// <summary>What programs of the host need that know the places of their files by heart, when their packages are not installed.</summary>
internal static class UserNamespaces
{
    /// <summary>Skips the test where this machine allows none: nothing can be fetched instead.</summary>
    public static async Task RequireAsync()
    {
        Sandbox sandbox = await Sandbox.FindAsync(new PackageStore(CacheFolder.Default, new ProgressLine()), TestContext.Current.CancellationToken);
        Assert.SkipUnless(sandbox.Missing is null, sandbox.Missing ?? "");
    }
}
