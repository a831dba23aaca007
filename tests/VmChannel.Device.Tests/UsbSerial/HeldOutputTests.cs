using System.Diagnostics.CodeAnalysis;
using VmChannel.Device.UsbSerial;
using VmChannel.Native;
using Xunit;

namespace VmChannel.Device.Tests.UsbSerial;

/// <summary>The ring against a plain list, whatever is taken from it and given up in the middle of it.</summary>
[SuppressMessage("Security", "CA5394", Justification = "The same steps in every run.")]
public sealed class HeldOutputTests
{
    private readonly HeldOutput _held = new();
    private readonly List<(ulong Id, List<byte> Bytes)> _model = [];
    private ulong _nextId;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void AnyOrder_TakesAndRemovals_KeepEveryOtherByte(int seed)
    {
        Random random = new(seed);
        for (int step = 0; step < 4000; step++)
        {
            // Up to the size it begins with, so that it wraps all the time.
            if (random.Next(2) == 0 && _held.Bytes < 12_000)
            {
                Add(random, random.Next(3000));
            }
            else if (_model.Count > 0 && random.Next(2) == 0)
            {
                (ulong id, List<byte> bytes) = _model[random.Next(_model.Count)];
                Assert.True(_held.TryRemove(id, out HeldOutput.Transfer removed));
                Assert.Equal((id, bytes.Count), (removed.Id, removed.Left));
                _ = _model.RemoveAll(transfer => transfer.Id == id);
            }
            else
            {
                Take(random.Next(Math.Min(_held.Bytes, 5000) + 1));
            }

            ExpectModel();
        }
    }

    [Fact]
    public void Clear_ThenAdd_BeginsAnew()
    {
        Random random = new(4);
        Add(random, 10_000);
        Take(9000);
        Add(random, 10_000);
        _held.Clear();
        _model.Clear();
        ExpectModel();
        Add(random, 16 * 1024);
        ExpectModel();
    }

    private void Add(Random random, int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        Assert.True(_held.TryAdd(++_nextId, 0, bytes));
        _model.Add((_nextId, [.. bytes]));
    }

    private void Take(int count)
    {
        _held.Take(count);
        foreach ((_, List<byte> bytes) in _model)
        {
            int its = Math.Min(count, bytes.Count);
            bytes.RemoveRange(0, its);
            count -= its;
        }

        while (_held.Count > 0 && _held.First.Left == 0)
        {
            _held.RemoveFirst();
            _model.RemoveAt(0);
        }
    }

    private void ExpectModel()
    {
        byte[] waiting = new byte[_held.Bytes];
        Assert.Equal(waiting.Length, IoVector.CopyOut(_held.Pieces(int.MaxValue), waiting));
        Assert.Equal(_model.Select(transfer => transfer.Id), _held.Transfers.Select(transfer => transfer.Id));
        Assert.True(_model.SelectMany(transfer => transfer.Bytes).SequenceEqual(waiting));
    }
}
