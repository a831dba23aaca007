using System.Diagnostics;

namespace VmChannel.Bench.Guests;

/// <summary>One run of one contestant.</summary>
internal sealed class GuestRuns(GuestAgent agent)
{
    /// <summary>Seconds from the word to the guest until the host has every byte.</summary>
    public double FromGuest(Contestant contestant, long bytes, int chunk)
    {
        long started = Stopwatch.GetTimestamp();
        agent.Say($"send {contestant.Port} {bytes} {chunk}");
        contestant.Peer!.Receive(bytes);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        _ = agent.WaitUntilDone();
        return seconds;
    }

    /// <summary>Seconds the guest needed to write it all, whoever takes it: to compare with a host end that nobody reads.</summary>
    public double Written(Contestant contestant, long bytes, int chunk)
    {
        agent.Say($"send {contestant.Port} {bytes} {chunk}");
        contestant.Peer?.Receive(bytes);
        return agent.WaitUntilDone();
    }

    /// <summary>Seconds from the word to the guest until it has every byte.</summary>
    public double ToGuest(Contestant contestant, long bytes, int chunk)
    {
        long started = Stopwatch.GetTimestamp();
        agent.Say($"receive {contestant.Port} {bytes} {chunk}");
        contestant.Peer!.Send(bytes, chunk);
        _ = agent.WaitUntilDone();
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Microseconds of each turn of one byte from the host to the guest and back.</summary>
    public double[] PingPong(Contestant contestant, int count)
    {
        agent.Say($"echo {contestant.Port} {count}");
        double[] turns = contestant.Peer!.PingPong(count);
        _ = agent.WaitUntilDone();
        return turns;
    }
}
