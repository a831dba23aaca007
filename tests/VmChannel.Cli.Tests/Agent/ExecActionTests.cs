using VmChannel.Cli.Agent;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Cli.Tests.Agent;

public sealed class ExecActionTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(137, 137)]
    [InlineData(255, 255)]
    [InlineData(256, 255)]
    [InlineData(-1073741819, 255)]
    public void Status_OfACodeThatDoesNotFit_IsNeverSuccess(int code, int status) => Assert.Equal(status, ExecAction.Status(code));

    [Fact]
    public void Input_IsSilent_OnlyAsATerminalOrNull()
    {
        Assert.True(IsSilent("/dev/null"));
        Assert.True(IsSilent("/dev/ptmx"));
        Assert.False(IsSilent("/dev/zero"));
        string file = $"/dev/shm/vmchannel-{Guid.NewGuid():N}";
        try
        {
            File.WriteAllText(file, "in");
            Assert.False(IsSilent(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static bool IsSilent(string path)
    {
        FileDescriptor.Open(path, OpenFlags.ReadOnly | OpenFlags.NoControllingTerminal, 0, out FileDescriptor? descriptor).OrThrow("open");
        using (descriptor)
        {
            return ExecAction.IsSilent(descriptor!);
        }
    }
}
