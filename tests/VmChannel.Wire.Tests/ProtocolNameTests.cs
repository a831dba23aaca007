using System.Text;
using CsCheck;
using Xunit;

namespace VmChannel.Wire.Tests;

public sealed class ProtocolNameTests
{
    private const string LabelCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    private static readonly Gen<string> Label = Gen.String[Gen.Char[LabelCharacters], 1, 12];

    private static readonly Gen<ProtocolName> Name = Label.Array[1, 6].Select(labels => Parse(string.Join('.', labels)));

    // Few letters, so that equal and nested names come up often.
    private static readonly Gen<ProtocolName> ShortName =
        Gen.String[Gen.Char["ab-"], 1, 2].Array[1, 3].Select(labels => Parse(string.Join('.', labels)));

    private static readonly Gen<string> Tight = Gen.String[Gen.Char["ab._-/\0é"], 0, 8];

    [Theory]
    [InlineData("org.qemu.clipboard", "org/qemu/clipboard")]
    [InlineData("org.qemu.guest_agent.0", "org/qemu/guest_agent/0")]
    [InlineData("com.redhat.spice.0", "com/redhat/spice/0")]
    [InlineData("x", "x")]
    [InlineData("-.-", "-/-")]
    [InlineData("Org.QEMU", "Org/QEMU")]
    public void TryParse_ValidName_KeepsTextAndMapsToPath(string text, string path)
    {
        Assert.True(ProtocolName.TryParse(text, out ProtocolName name, out string? reason));
        Assert.Null(reason);
        Assert.Equal(text, name.Text);
        Assert.Equal(text, name.ToString());
        Assert.Equal(path, name.ToPath());
    }

    [Theory]
    [InlineData(null, "is empty")]
    [InlineData("", "is empty")]
    [InlineData(".", "starts with a dot")]
    [InlineData("..", "starts with a dot")]
    [InlineData(".org", "starts with a dot")]
    [InlineData("org.", "ends with a dot")]
    [InlineData("org..qemu", "two dots in a row")]
    [InlineData("org/qemu", "'/' at position 4")]
    [InlineData("../../etc/passwd", "starts with a dot")]
    [InlineData("a b", "U+0020 at position 2")]
    [InlineData("a\nb", "U+000A at position 2")]
    [InlineData("a\0b", "U+0000 at position 2")]
    [InlineData("é", "U+00E9 at position 1")]
    [InlineData("a\u001b[2J", "U+001B at position 2")]
    [InlineData("\u0661", "U+0661 at position 1")]
    public void TryParse_InvalidName_SaysWhatIsWrong(string? text, string expected)
    {
        Assert.False(ProtocolName.TryParse(text, out ProtocolName name, out string? reason));
        Assert.Contains(expected, reason, StringComparison.Ordinal);
        Assert.Equal(default, name);
    }

    [Fact]
    public void TryParse_AtTheLimit_CountsBytes()
    {
        Assert.True(ProtocolName.TryParse(new string('a', 255), out _, out _));
        Assert.False(ProtocolName.TryParse(new string('a', 256), out _, out string? reason));
        Assert.Equal("is longer than 255 bytes", reason);
        Assert.False(ProtocolName.TryParse(new byte[256], out _, out reason));
        Assert.Equal("is longer than 255 bytes", reason);
    }

    [Fact]
    public void TryParse_NonAsciiBytes_IsRefusedAtTheByte()
    {
        Assert.False(ProtocolName.TryParse([0x61, 0xC3, 0xA9], out _, out string? reason));
        Assert.Contains("U+00C3 at position 2", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("org.qemu", "org.qemu.clipboard", true)]
    [InlineData("org", "org.qemu.clipboard", true)]
    [InlineData("org.qemu.clipboard", "org.qemu", false)]
    [InlineData("org.qemu", "org.qemu", false)]
    [InlineData("org.qemu", "org.qemu-x.clipboard", false)]
    [InlineData("org.qemu", "org.qemux", false)]
    [InlineData("org.qemu", "Org.qemu.x", false)]
    public void IsAncestorOf_Pair_IsTrueOnlyBelowAWholeLabel(string upper, string lower, bool expected) =>
        Assert.Equal(expected, Parse(upper).IsAncestorOf(Parse(lower)));

    [Fact]
    public void Default_Value_IsRelatedToNothing()
    {
        ProtocolName none = default;
        Assert.Equal("", none.ToPath());
        Assert.False(none.IsAncestorOf(Parse("org")));
        Assert.False(Parse("org").IsAncestorOf(none));
    }

    [Fact]
    public void TryParse_AnyText_AcceptsExactlyTheGrammar() => Tight.Sample(text =>
    {
        bool expected = text.Length > 0 && text.Split('.').All(label => label.Length > 0 && label.All(LabelCharacters.Contains));
        Assert.Equal(expected, ProtocolName.TryParse(text, out ProtocolName name, out string? reason));
        Assert.Equal(expected, reason is null);
        Assert.Equal(expected ? text : "", name.Text);
    });

    [Fact]
    public void TryParse_AnyBytes_NeverThrowsAndReasonIsPrintable() => Gen.Byte.Array[0, 300].Sample(bytes =>
    {
        if (!ProtocolName.TryParse(bytes, out _, out string? reason))
        {
            Assert.All(reason, c => Assert.InRange(c, ' ', '~'));
        }
    });

    [Fact]
    public void TryParse_OwnTextAsBytes_IsIdentity() => Name.Sample(name =>
    {
        Assert.True(ProtocolName.TryParse(Encoding.UTF8.GetBytes(name.Text), out ProtocolName again, out _));
        Assert.Equal(name, again);
    });

    [Fact]
    public void ToPath_AnyName_StaysBelowItsFolderAndIsReversible() => Name.Sample(name =>
    {
        Assert.Equal($"/dev/vmchannel/{name.ToPath()}", Path.GetFullPath(name.ToPath(), "/dev/vmchannel"));
        Assert.Equal(name.Text, name.ToPath().Replace('/', '.'));
    });

    [Fact]
    public void ConflictsWith_AnyPair_AgreesWithPathsAsFilesAndFolders() =>
        Gen.Select(ShortName, ShortName).Sample((a, b) =>
        {
            string first = a.ToPath() + "/";
            string second = b.ToPath() + "/";
            bool expected = first.StartsWith(second, StringComparison.Ordinal) || second.StartsWith(first, StringComparison.Ordinal);
            Assert.Equal(expected, a.ConflictsWith(b));
            Assert.Equal(expected, b.ConflictsWith(a));
        });

    private static ProtocolName Parse(string text) =>
        ProtocolName.TryParse(text, out ProtocolName name, out string? reason) ? name : throw new ArgumentException($"{text} {reason}");
}
