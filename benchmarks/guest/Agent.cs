using System.Diagnostics;
using System.Globalization;
using System.Text;
using VmChannel.Native;

namespace VmChannel.Bench.Guest;

/// <summary>Does what the host says, one line at a time, and answers each with <c>done NANOSECONDS</c> or <c>failed WHY</c>.</summary>
/// <remarks>
/// <c>send PORT BYTES CHUNK</c>, <c>receive PORT BYTES CHUNK</c>, <c>echo PORT COUNT</c> (of single bytes), <c>open PORT</c>, <c>quit</c>.
/// Reads and writes block and nothing polls, which is how the driver is at its best.
/// </remarks>
internal sealed class Agent(PortTable ports)
{
    private const string ControlName = "org.vmchannel.bench.control";

    private readonly FileDescriptor _control = ports.Get(ControlName);
    private readonly byte[] _line = new byte[256];
    private byte[] _buffer = new byte[64 * 1024];

    public void Run()
    {
        Answer("ready");
        while (true)
        {
            string[] words = ReadLine().Split(' ');
            if (words[0] == "quit")
            {
                return;
            }

            try
            {
                long started = Stopwatch.GetTimestamp();
                Do(words);
                Answer(string.Create(CultureInfo.InvariantCulture, $"done {Stopwatch.GetElapsedTime(started).TotalNanoseconds:F0}"));
            }
            catch (Exception error)
            {
                Answer($"failed {error.Message.ReplaceLineEndings(" ")}");
            }
        }
    }

    private void Do(string[] words)
    {
        FileDescriptor port = ports.Get(words[1]);
        switch (words[0])
        {
            case "open":
                break;
            case "send":
                Send(port, Number(words[2]), (int)Number(words[3]));
                break;
            case "receive":
                Receive(port, Number(words[2]), (int)Number(words[3]));
                break;
            case "echo":
                Echo(port, Number(words[2]));
                break;
            default:
                throw new ArgumentException($"unknown word {words[0]}");
        }
    }

    private void Send(FileDescriptor port, long bytes, int chunk)
    {
        Grow(chunk);
        while (bytes > 0)
        {
            bytes -= Write(port, _buffer.AsSpan(0, (int)Math.Min(bytes, chunk)));
        }
    }

    private void Receive(FileDescriptor port, long bytes, int chunk)
    {
        Grow(chunk);
        while (bytes > 0)
        {
            bytes -= Read(port, _buffer.AsSpan(0, (int)Math.Min(bytes, chunk)));
        }
    }

    private void Echo(FileDescriptor port, long count)
    {
        for (long i = 0; i < count; i++)
        {
            _ = Read(port, _buffer.AsSpan(0, 1));
            _ = Write(port, _buffer.AsSpan(0, 1));
        }
    }

    private string ReadLine()
    {
        int count = 0;
        while (true)
        {
            _ = Read(_control, _line.AsSpan(count, 1));
            if (_line[count] == (byte)'\n')
            {
                return Encoding.ASCII.GetString(_line, 0, count);
            }

            count++;
        }
    }

    private void Answer(string text)
    {
        byte[] line = Encoding.ASCII.GetBytes(text + "\n");
        for (int written = 0; written < line.Length;)
        {
            written += Write(_control, line.AsSpan(written));
        }
    }

    /// <summary>At least one byte. The driver answers 0 while no host end is there, and means "later" by it.</summary>
    private static int Read(FileDescriptor port, Span<byte> destination)
    {
        while (true)
        {
            int count = port.Read(destination).OrThrow("read");
            if (count > 0)
            {
                return count;
            }

            Pause.Milliseconds(1);
        }
    }

    /// <summary>At least one byte: the driver may also answer 0 here, for a moment.</summary>
    private static int Write(FileDescriptor port, ReadOnlySpan<byte> source)
    {
        while (true)
        {
            int count = port.Write(source).OrThrow("write");
            if (count > 0)
            {
                return count;
            }
        }
    }

    private void Grow(int bytes)
    {
        if (_buffer.Length < bytes)
        {
            _buffer = new byte[bytes];
        }
    }

    private static long Number(string word) => long.Parse(word, CultureInfo.InvariantCulture);
}
