using CsCheck;
using VmChannel.Device.Channels;
using VmChannel.Device.Ports;
using VmChannel.Device.Tests.VirtioSerial;
using VmChannel.Testing;
using Xunit;

namespace VmChannel.Device.Tests.Channels;

/// <summary>Whoever comes, leaves, fills up or goes on, in any order: each sees one unbroken piece of the guest's stream.</summary>
public sealed class AudienceModelTests
{
    private const int RingSize = 64;
    private const int MaxMessage = 3000;

    private enum Act
    {
        Come,
        Leave,
        LeaveInMidWrite,
        Allow,
        Write,
        HostComesOrGoes,
        Swap,
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(20_000)]
    public void Everybody_SeesAnUnbrokenPieceOfTheStream(int historyBytes)
        => Gen.Select(Gen.Select(Gen.Enum<Act>(), Gen.Int[0, 5], Gen.Int[1, MaxMessage]).Array[1, RingSize], Gen.Int).Sample(
            (steps, seed) =>
            {
                using SerialRig rig = new();
                Viewer host = new(rig.Plug(1, isHostOpen: false));
                using Guest guest = new(rig, ringSize: RingSize);
                SerialRig.Open(guest.Driver, 1);
                Port port = rig.Ports[1];
                rig.Thread.Invoke(() => port.Apply(port.Spec with { Limits = new PortLimits { HistoryBytes = historyBytes, BufferBytes = 1 << 20 } }));
                byte[] stream = Guest.Bytes(RingSize * MaxMessage, seed);
                int written = 0;
                List<Viewer> clients = [];
                List<Viewer> all = [host];
                foreach ((Act act, int who, int amount) in steps)
                {
                    if (act == Act.Write)
                    {
                        guest.Driver.Write(1, stream.AsSpan(written, amount));
                        written += amount;
                        continue;
                    }

                    rig.Thread.Invoke(() => Do(act, who, amount));
                }

                rig.Thread.Invoke(() =>
                {
                    host.Connect(port, historyBytes, true);
                    foreach (Viewer viewer in all)
                    {
                        viewer.End.HangsUpWhenFull = false;
                        viewer.End.Allow(long.MaxValue);
                    }
                });
                Viewer[] there = [.. clients.Where(client => client.End.IsOpen), host];
                Wait.Until(
                    () => rig.Thread.Invoke(() => port.Counters.FromGuestBytes == written && there.All(viewer => viewer.SeenTo == written)),
                    "everybody to have had everything");
                Assert.All(all, viewer => viewer.Check(stream));

                void Do(Act act, int who, int amount)
                {
                    clients.RemoveAll(client => !client.End.IsOpen);
                    Viewer? client = clients.ElementAtOrDefault(who);
                    switch (act)
                    {
                        case Act.Come:
                            Viewer next = new(new ScriptedEnd { Allowance = amount });
                            _ = port.AddClient(next.End, (ClientAccess)(1 + (who % 3)));
                            next.Connect(port, historyBytes, true);
                            clients.Add(next);
                            all.Add(next);
                            break;
                        case Act.Leave:
                            client?.Connect(port, historyBytes, false);
                            break;
                        case Act.LeaveInMidWrite when client is not null:
                            client.End.HangsUpWhenFull = true;
                            client.End.Allow(amount);
                            break;
                        case Act.Allow:
                            (client ?? host).End.Allow(amount);
                            break;
                        case Act.HostComesOrGoes:
                            host.Connect(port, historyBytes, !host.End.IsOpen);
                            break;
                        case Act.Swap:
                            host = new(new ScriptedEnd { Allowance = amount });
                            port.Replace(host.End);
                            host.Connect(port, historyBytes, (who & 1) == 0);
                            all.Add(host);
                            break;
                        default:
                            break;
                    }
                }
            },
            iter: 40,
            threads: 1);

    /// <summary>An end, and the pieces of the stream it is to have seen: from where, and from which of its own bytes on.</summary>
    private sealed class Viewer(ScriptedEnd end)
    {
        private readonly List<(int From, int At)> _pieces = [];

        public ScriptedEnd End => end;

        public int SeenTo => _pieces[^1].From + end.Taken.Count - _pieces[^1].At;

        public void Connect(Port port, int historyBytes, bool isOpen)
        {
            if (isOpen && !end.IsOpen)
            {
                int now = (int)port.Counters.FromGuestBytes;
                _pieces.Add((Math.Max(0, now - historyBytes), end.Taken.Count));
            }

            end.Connect(isOpen);
        }

        public void Check(byte[] stream)
        {
            for (int i = 0; i < _pieces.Count; i++)
            {
                (int from, int at) = _pieces[i];
                int until = i + 1 < _pieces.Count ? _pieces[i + 1].At : end.Taken.Count;
                Assert.Equal(stream.AsSpan(from, until - at).ToArray(), end.Taken.Skip(at).Take(until - at));
            }
        }
    }
}
