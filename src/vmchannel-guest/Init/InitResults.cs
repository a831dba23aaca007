using VmChannel.Native;

namespace VmChannel.GuestTool.Init;

/// <summary>Turns a failed system call of the init into its one line.</summary>
internal static class InitResults
{
    /// <exception cref="InitException">The call failed.</exception>
    public static int OrFail(this PosixResult result, string step) =>
        result.IsSuccess ? checked((int)result.Value) : throw new InitException($"cannot {step}: {result.Message}");
}
