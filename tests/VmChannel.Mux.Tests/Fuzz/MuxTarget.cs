using System.Buffers.Binary;

namespace VmChannel.Mux.Tests.Fuzz;

/// <summary>Fuzz target: what a peer sends, before and in a session. Byte 0 says how it is cut; nothing but a refusal may come of it.</summary>
public static class MuxTarget
{
    private static readonly MuxNonce Ours = new(1, 1);

    /// <summary>The nonce of the seeds' sender.</summary>
    internal static MuxNonce Theirs { get; } = new(2, 2);

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        int cut = input[0] + 1;
        input = input[1..];
        FindPrefaces(input);
        Sink sink = new();
        MuxIntake intake = new(Ours, Theirs, sink);
        List<byte> unread = [];
        try
        {
            while (!input.IsEmpty)
            {
                ReadOnlySpan<byte> piece = input[..Math.Min(cut, input.Length)];
                input = input[piece.Length..];
                unread.AddRange(piece);
                unread.RemoveRange(0, intake.Take(unread.ToArray()));
                Assert.InRange(unread.Count, 0, MuxPreface.Size);
            }
        }
        catch (MuxException)
        {
            // Refused, as it may be.
        }
    }

    private static void FindPrefaces(ReadOnlySpan<byte> input)
    {
        byte[] again = new byte[MuxPreface.Size];
        for (int before = input.Length; MuxPreface.TryFind(ref input, out MuxPreface message); before = input.Length)
        {
            Assert.True(before - input.Length >= MuxPreface.Size);
            message.Write(again);
            Assert.Equal(System.Buffers.OperationStatus.Done, MuxPreface.TryRead(again, out MuxPreface same));
            Assert.Equal(message, same);
        }

        Assert.InRange(input.Length, 0, MuxPreface.Size - 1);
    }

    /// <summary>Checks that frames come in order, and that their bytes are no more than any window.</summary>
    private sealed class Sink : IMuxSink
    {
        private MuxFrame? _open;

        public MuxStream? Begin(MuxFrame frame)
        {
            Assert.Null(_open);
            Assert.Equal(MuxFrameType.Data, frame.Type);
            Assert.InRange(frame.Length, 0u, (uint)MuxOptions.MaxWindowBytes);
            _open = frame;
            return null;
        }

        public void End(MuxFrame frame, MuxStream? stream)
        {
            Assert.Equal(_open, frame);
            _open = null;
        }

        public void Take(MuxFrame frame)
        {
            Assert.Null(_open);
            byte[] bytes = HostilePeerTests.Bytes(frame);
            Assert.Equal(frame.Length, BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(8)));
        }
    }
}
