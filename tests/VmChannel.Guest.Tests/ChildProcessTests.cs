using System.Text;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Guest.Tests;

/// <summary>Starting children. Only errors and what a child sees: reaping takes any child, which a test process must not do.</summary>
public sealed class ChildProcessTests
{
    [Fact]
    public void Start_Shell_LeadsASessionInItsFolderWithItsEnvironment()
    {
        string text = Run("read a b c d e sid rest < /proc/self/stat; echo $$ $sid $(pwd) \"$X\"", ["X=a b", "PATH=/usr/bin:/bin"], "/usr", uid: null);
        string[] words = text.Split(' ', 4);
        Assert.Equal(words[0], words[1]);
        Assert.Equal("/usr", words[2]);
        Assert.Equal("a b", words[3].Trim());
    }

    [Fact]
    public void Start_AsAnotherUser_HasThatUserAndNoOtherGroups()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root may become somebody else");
        Assert.Equal("1234 1235 1235", Run("id -u; id -g; id -G", ["PATH=/usr/bin:/bin"], "/", uid: 1234).ReplaceLineEndings(" ").Trim());

        // Only the thread that started it had changed.
        Assert.True(Environment.IsPrivilegedProcess);
    }

    [Theory]
    [InlineData("/no/such/program", Errno.NotFound)]
    [InlineData("/etc/passwd", Errno.AccessDenied)]
    public void Start_NoProgram_SaysWhy(string path, Errno expected)
    {
        using FileDescriptor nothing = new(Open("/dev/null"));
        PosixResult result = ChildProcess.Start(new(path, [path], [], "/") { Input = nothing, Output = nothing, Error = nothing });
        Assert.Equal(expected, result.Error);
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(3, 0, 3)]
    [InlineData(0, 15, 143)]
    public void ShellCode_End_IsWhatAShellSays(int code, int signal, int expected) => Assert.Equal(expected, new ChildEnd(code, signal).ShellCode);

    private static string Run(string script, string[] env, string folder, uint? uid)
    {
        using FileDescriptor nothing = new(Open("/dev/null"));
        (FileDescriptor reader, FileDescriptor writer) = AnonymousPipe.Create();
        PosixResult started = ChildProcess.Start(new("/bin/sh", ["sh", "-c", script], env, folder)
        {
            Input = nothing,
            Output = writer,
            Error = writer,
            Uid = uid ?? 0,
            Gid = uid is null ? 0 : uid.Value + 1,
        });
        writer.Dispose();
        Assert.True(started.IsSuccess, started.Message);
        StringBuilder text = new();
        byte[] buffer = new byte[1024];
        while (reader.Read(buffer) is { IsSuccess: true, Value: > 0 and nint bytes })
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, (int)bytes));
        }

        reader.Dispose();
        return text.ToString();
    }

    private static int Open(string path)
    {
        FileDescriptor.Open(path, OpenFlags.ReadWrite, 0, out FileDescriptor? opened).OrThrow(path);
        int number = opened!.Number;
        opened.SetHandleAsInvalid();
        return number;
    }
}
