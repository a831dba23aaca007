using CsCheck;
using VmChannel.Device.Channels;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary>The ring against a list that forgets nothing, with many who follow at their own pace.</summary>
public sealed class HistoryTests
{
    private enum Act
    {
        Append,
        Follow,
        Grow,
        Trim,
    }

    [Fact]
    public void Followers_AtAnyPace_SeeTheStreamFromWhereTheyAre()
        => Gen.Select(
            Gen.Int[1, 40],
            Gen.Select(Gen.Enum<Act>(), Gen.Int[0, 7], Gen.Int[0, 60]).Array[1, 120]).Sample(
            (capacity, steps) =>
            {
                History history = new();
                history.Reserve(capacity);
                List<byte> all = [];
                long[] positions = new long[8];
                foreach ((Act act, int who, int count) in steps)
                {
                    switch (act)
                    {
                        case Act.Append:
                            byte[] bytes = [.. Enumerable.Range(all.Count, count).Select(i => unchecked((byte)(i * 7)))];
                            all.AddRange(bytes);
                            Append(history, bytes);
                            break;
                        case Act.Grow:
                            capacity = Math.Max(capacity, count);
                            history.Reserve(count);
                            break;
                        case Act.Trim:
                            capacity = count + 1 < capacity / 2 ? count + 1 : capacity;
                            history.Trim(count + 1);
                            break;
                        default:
                            long from = Math.Max(positions[who], history.Start);
                            byte[] seen = Take(history, from, count);
                            Assert.Equal(all.Skip((int)from).Take(seen.Length), seen);
                            Assert.Equal(Math.Min(count, all.Count - from), seen.Length);
                            positions[who] = from + seen.Length;
                            break;
                    }

                    Assert.Equal(all.Count, history.End);
                    Assert.InRange(history.End - history.Start, Math.Min(capacity, all.Count) == 0 ? 0 : 1, capacity);
                }

                Assert.Equal(all.Skip((int)history.Start), Take(history, history.Start, int.MaxValue));
            },
            iter: 3000);

    [Fact]
    public void Grown_WhatWasForgotten_StaysForgotten()
    {
        History history = new();
        history.Reserve(4);
        Append(history, [1, 2, 3, 4, 5, 6]);
        history.Reserve(100);
        Assert.Equal(2, history.Start);
        Append(history, [7]);
        Assert.Equal([3, 4, 5, 6, 7], Take(history, 2, 100));
    }

    [Fact]
    public void WithoutRoom_OnlyCounts()
    {
        History history = new();
        Append(history, [1, 2, 3]);
        Assert.Equal((3, 3), (history.Start, history.End));
    }

    private static void Append(History history, byte[] bytes)
    {
        PinnedBuffer buffer = new(bytes.Length + 3);
        bytes.CopyTo(buffer.Span);
        int half = bytes.Length / 2;

        // More pieces than are meant, as after a write that took only a part.
        history.Append([buffer.Vector(0, half), buffer.Vector(half, bytes.Length - half + 3)], bytes.Length);
    }

    private static byte[] Take(History history, long position, int count)
    {
        if (position == history.End)
        {
            return [];
        }

        Span<IoVector> pieces = stackalloc IoVector[2];
        byte[] bytes = new byte[Math.Min(count, history.End - position)];
        _ = IoVector.CopyOut(pieces[..history.Pieces(position, pieces)], bytes);
        return bytes;
    }
}
