using System.Text;
using System.Text.Json;
using VmChannel.Wire.Qmp;
using Xunit;

namespace VmChannel.Wire.Tests.Qmp;

/// <summary>Lines of QEMU's monitor.</summary>
public sealed class QmpMessageTests
{
    [Fact]
    public void Greeting_OfQemu_HasItsVersion()
    {
        QmpMessage.Greeting greeting = Assert.IsType<QmpMessage.Greeting>(Parse(
            """{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}"""));

        Assert.Equal("7.2.22", greeting.ToString());
    }

    [Fact]
    public void Event_OfAPort_HasItsData()
    {
        QmpMessage.Event happened = Assert.IsType<QmpMessage.Event>(Parse(
            """{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "VSERPORT_CHANGE", "data": {"open": true, "id": "a"}}"""));

        Assert.Equal(("VSERPORT_CHANGE", true, "a"), (happened.Name, happened.Data.Truth("open"), happened.Data.Text("id")));
    }

    [Fact]
    public void Answer_WithAnId_IsMatchedByIt()
    {
        Assert.Equal(7, Assert.IsType<QmpMessage.Answer>(Parse("""{"return": {}, "id": 7}""")).Id);
        Assert.Equal(
            new QmpMessage.Failure(8, "DeviceNotFound", "Device 'x' not found"),
            Parse("""{"id": 8, "error": {"class": "DeviceNotFound", "desc": "Device 'x' not found"}}"""));
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("{", "not JSON")]
    [InlineData("[]", "neither")]
    [InlineData("""{"event": 5}""", "neither")]
    [InlineData("""{"QMP": "hello"}""", "neither")]
    [InlineData("""{"return": {}} {}""", "more than one")]
    public void Line_ThatMakesNoSense_IsRefusedWithAReason(string line, string reason)
    {
        Assert.False(QmpMessage.TryParse(Encoding.UTF8.GetBytes(line), out _, out string? why));
        Assert.Contains(reason, why, StringComparison.Ordinal);
    }

    [Fact]
    public void Line_BeyondTheLimit_IsRefused()
    {
        Assert.False(QmpMessage.TryParse(new byte[QmpMessage.MaxBytes + 1], out _, out string? reason));
        Assert.Contains("4194304", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_BeyondTheLimit_IsRefused()
        => Assert.False(QmpMessage.TryParse(Encoding.UTF8.GetBytes($"{{\"return\":{new string('[', 100)}{new string(']', 100)}}}"), out _, out _));

    [Fact]
    public void Text_ThatIsHalfACharacter_IsNoText()
        => Assert.Null(Assert.IsType<QmpMessage.Event>(Parse("""{"event": "x", "data": {"id": "\ud800"}}""")).Data.Text("id"));

    [Fact]
    public void Command_Written_IsOneLineOfJson()
    {
        ReadOnlyMemory<byte> line = QmpCommand.Write(3, "device_del", writer => writer.WriteString("id", "a\n\"b"));

        Assert.Equal((byte)'\n', line.Span[^1]);
        Assert.Equal(line.Length - 1, line.Span.IndexOf((byte)'\n'));
        using JsonDocument parsed = JsonDocument.Parse(line);
        Assert.Equal("a\n\"b", parsed.RootElement.GetProperty("arguments").GetProperty("id").GetString());
    }

    private static QmpMessage Parse(string line)
    {
        Assert.True(QmpMessage.TryParse(Encoding.UTF8.GetBytes(line), out QmpMessage? message, out string? reason), reason);
        return message;
    }
}
