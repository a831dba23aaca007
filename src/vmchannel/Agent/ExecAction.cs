using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;
using VmChannel.Cli.CommandLine;
using VmChannel.Control.Agent;
using VmChannel.Native;

namespace VmChannel.Cli.Agent;

/// <summary><c>vmchannel agent exec</c>: a command in the guest whose streams and exit code become this program's.</summary>
internal static class ExecAction
{
    private const int BufferBytes = 64 * 1024;

    public static async Task<int> RunAsync(AgentCall call, CancellationToken cancellationToken)
    {
        call.Expect(1, int.MaxValue, "say exec -- COMMAND [WORD]...");
        AgentCommand command = new(call.Words[0], call.Words[1..])
        {
            Environment = call.Environment,
            Input = call.HasInput ? await InputAsync(cancellationToken) : null,
        };
        await using GuestAgent agent = await call.OpenAsync(cancellationToken);
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(call.Limit);
        try
        {
            AgentExit exit = await agent.ExecAsync(command, limit.Token);
            Print(call, exit);
            return Status(exit.Code);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"{command.Path} has not ended within {call.Limit.TotalSeconds:0.###} s; it goes on in the guest", e);
        }
    }

    /// <summary>The exit status for a program's exit code: a Windows guest's has 32 bits, and none of those is to look like success.</summary>
    internal static int Status(int code) => code is >= 0 and <= byte.MaxValue ? code : byte.MaxValue;

    /// <summary>Whether a descriptor is one that a command in the guest gets nothing from: a terminal, or <c>/dev/null</c>.</summary>
    internal static bool IsSilent(FileDescriptor input)
    {
        if (input.Identity() is not FileIdentity identity || Terminal.Is(input))
        {
            return true;
        }

        _ = FileDescriptor.Open("/dev/null", OpenFlags.PathOnly, 0, out FileDescriptor? nothing);
        using (nothing)
        {
            return nothing?.Identity() == identity;
        }
    }

    /// <summary>All of standard input; null when a person, or nothing, is there.</summary>
    private static async Task<ReadOnlyMemory<byte>?> InputAsync(CancellationToken cancellationToken)
    {
        using FileDescriptor descriptor = FileDescriptor.Borrow(0);
        if (IsSilent(descriptor))
        {
            return null;
        }

        using SafeFileHandle handle = new(0, ownsHandle: false);
        using FileStream input = new(handle, FileAccess.Read, bufferSize: 0);
        using MemoryStream all = new();
        byte[] buffer = new byte[BufferBytes];

        // A read of a pipe cannot be broken off; the process ends without it.
        while (await input.ReadAsync(buffer, CancellationToken.None).AsTask().WaitAsync(cancellationToken) is int count and > 0)
        {
            all.Write(buffer.AsSpan(0, count));
            if (all.Length > AgentCommand.MaxInputBytes)
            {
                throw new IOException($"the input has more than {AgentCommand.MaxInputBytes >> 20} MiB, which is all that an agent takes at once: copy it with cp, or give -n");
            }
        }

        return all.GetBuffer().AsMemory(0, (int)all.Length);
    }

    private static void Print(AgentCall call, AgentExit exit)
    {
        if (call.Client.IsJson)
        {
            _ = AgentAnswers.Print(call, json => Write(json, exit), "");
            return;
        }

        _ = StandardStream.WriteOutput(exit.Output.Span);
        _ = StandardStream.WriteError(exit.Errors.Span);
        if (exit.IsOutputCut || exit.AreErrorsCut)
        {
            StandardStream.Complain($"the rest of {(exit.IsOutputCut ? "its output" : "its errors")} is lost: the agent keeps 16 MiB; have it written to a file and use cp");
        }
    }

    private static void Write(Utf8JsonWriter json, AgentExit exit)
    {
        json.WriteNumber("code"u8, exit.Code);
        if (exit.Signal is int signal)
        {
            json.WriteNumber("signal"u8, signal);
        }

        Write(json, "output", exit.Output.Span, exit.IsOutputCut);
        Write(json, "errors", exit.Errors.Span, exit.AreErrorsCut);
    }

    private static void Write(Utf8JsonWriter json, string name, ReadOnlySpan<byte> bytes, bool isCut)
    {
        if (Utf8.IsValid(bytes))
        {
            json.WriteString(name, bytes);
        }
        else
        {
            json.WriteBase64String($"{name}Base64", bytes);
        }

        json.WriteBoolean($"{name}Cut", isCut);
    }
}
