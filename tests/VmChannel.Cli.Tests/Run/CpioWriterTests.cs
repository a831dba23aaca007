using System.Globalization;
using System.Text;
using VmChannel.Cli.Run;
using Xunit;

namespace VmChannel.Cli.Tests.Run;

public sealed class CpioWriterTests
{
    [Fact]
    public void AddFile_FirstFile_HasTheFoldersAboveItAndEveryField()
    {
        byte[] archive = Write(cpio => cpio.AddFile("/lib/a.so", "hello"u8));

        string text = Encoding.ASCII.GetString(archive);
        string folder =
            "070701"                     // magic
            + "00000001"                 // inode
            + "000041ED"                 // mode: drwxr-xr-x
            + "00000000" + "00000000"    // uid, gid
            + "00000002"                 // links
            + "00000000"                 // mtime
            + "00000000"                 // size
            + "00000000" + "00000000"    // device
            + "00000000" + "00000000"    // special device
            + "00000004"                 // name's length with its NUL
            + "00000000"                 // check
            + "lib\0" + "\0\0";          // name, padding to 4
        string file = "070701" + "00000002" + "000081ED" + "00000000" + "00000000" + "00000001" + "00000000" + "00000005"
            + "00000000" + "00000000" + "00000000" + "00000000" + "00000009" + "00000000" + "lib/a.so\0" + "\0" + "hello" + "\0\0\0";
        Assert.StartsWith(folder + file, text, StringComparison.Ordinal);
    }

    [Fact]
    public void AddFolder_Twice_IsWrittenOnce()
    {
        List<string> names = Names(Write(cpio =>
        {
            cpio.AddFolder("/a/b");
            cpio.AddFolder("/a");
            cpio.AddFile("/a/b/c", []);
        }));

        Assert.Equal(["a", "a/b", "a/b/c", "TRAILER!!!"], names);
    }

    [Fact]
    public void AddDevice_Console_HasItsNumbers()
    {
        string text = Encoding.ASCII.GetString(Write(cpio => cpio.AddDevice("/console", major: 5, minor: 1)));

        Assert.Equal("00002180", text.Substring(6 + 8, 8));
        Assert.Equal("0000000500000001", text.Substring(6 + (9 * 8), 16));
    }

    [Fact]
    public void AddLink_ToAFolder_HasTheTargetAsItsContent()
    {
        string text = Encoding.ASCII.GetString(Write(cpio => cpio.AddLink("/bin", "usr/bin")));

        Assert.Equal("0000A1FF", text.Substring(6 + 8, 8));
        Assert.Contains("bin\0" + "\0\0" + "usr/bin\0", text, StringComparison.Ordinal);
    }

    [Fact]
    public void AddFile_WithAMode_HasIt()
    {
        string text = Encoding.ASCII.GetString(Write(cpio => cpio.AddFile("/secret", [], UnixFileMode.UserRead | UnixFileMode.UserWrite)));

        Assert.Equal("00008180", text.Substring(6 + 8, 8));
    }

    private static byte[] Write(Action<CpioWriter> add)
    {
        using MemoryStream stream = new();
        using (CpioWriter cpio = new(stream))
        {
            add(cpio);
        }

        return stream.ToArray();
    }

    private static List<string> Names(byte[] archive)
    {
        List<string> names = [];
        int at = 0;
        while (at < archive.Length)
        {
            int Field(int index) => int.Parse(Encoding.ASCII.GetString(archive, at + 6 + (index * 8), 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            int size = Field(6);
            int nameBytes = Field(11);
            names.Add(Encoding.ASCII.GetString(archive, at + 110, nameBytes - 1));
            at = Align(Align(at + 110 + nameBytes) + size);
        }

        return names;
    }

    private static int Align(int offset) => (offset + 3) & ~3;
}
