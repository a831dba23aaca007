using VmChannel.Control.Agent;

namespace VmChannel.Fuzz;

/// <summary>Any bytes as what a guest agent sends, cut as byte 0 of them says: lines come out, and what is in them is read or refused.</summary>
public static class AgentTarget
{
    /// <summary>Small, so that inputs of a fuzzer reach it.</summary>
    private const int MaxLineBytes = 2048;
    private const int BlockBytes = 48;

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        int cut = input[0] + 1;
        AgentLine lines = new(MaxLineBytes);
        try
        {
            while (!input.IsEmpty)
            {
                Memory<byte> room = lines.Room();
                ReadOnlySpan<byte> piece = input[..Math.Min(Math.Min(cut, room.Length), input.Length)];
                piece.CopyTo(room.Span);
                lines.Added(piece.Length);
                input = input[piece.Length..];
                while (lines.TryTake(out Memory<byte> line, out _))
                {
                    Take(line);
                }
            }
        }
        catch (AgentException)
        {
            // Too long a line: refused.
        }
    }

    private static void Take(Memory<byte> line)
    {
        if (line.Span.Contains(AgentLine.Sentinel))
        {
            throw new InvalidOperationException("a sentinel is in a line");
        }

        if (!AgentMessage.TryParse(line.Span, out AgentMessage message) || message.Error is not null)
        {
            return;
        }

        Memory<byte> value = line[message.Return];
        _ = AgentValue.TryReadNumber(value.Span, out _);
        byte[] block = new byte[BlockBytes];
        if (FileBlock.TryRead(value.Span, block, out FileBlock read) && read.Count < 0)
        {
            throw new InvalidOperationException("a block of less than nothing");
        }

        Read(() => AgentValue.Object(value, AgentJson.Default.ExecStatus).ToExit()?.Code);
        Read(() => AgentValue.Object(value, AgentJson.Default.AgentInfo).Commands.Count);
        Read(() => AgentValue.Object(value, AgentJson.Default.ExecStart).Pid);
        Read(() => AgentValue.Object(value, AgentJson.Default.JsonElement).ValueKind);
    }

    private static void Read<T>(Func<T> read)
    {
        try
        {
            _ = read();
        }
        catch (AgentException)
        {
            // Refused, as it may be.
        }
    }
}
