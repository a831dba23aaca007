using System.CommandLine;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using VmChannel.Cli.Fetch;

namespace VmChannel.Cli.Run;

/// <summary><c>vmchannel run</c>: a command in a throw-away guest with these channels.</summary>
internal static class RunVerb
{
    public static Command Create()
    {
        Option<string> vmm = new("--vmm") { Description = "uml (User Mode Linux) or qemu (QEMU without KVM, stock kernel)", DefaultValueFactory = _ => "uml" };
        vmm.AcceptOnlyFromAmong("uml", "qemu");
        Option<int> memory = new("--memory") { Description = "guest memory in MiB", HelpName = "MiB", DefaultValueFactory = _ => RunOptions.DefaultMemoryMiB };
        Option<string?> kernel = new("--kernel") { Description = "a kernel of your own: a linux.uml program, or a bzImage with --vmm qemu", HelpName = "PATH" };
        Option<string[]> share = new("--share") { Description = "a folder the guest may write to, at the same place or at PATH", HelpName = "DIR[:PATH]" };
        Option<bool> keep = new("--keep") { Description = "keep the guest's kernel messages and its command line for a look" };
        Argument<string[]> command = new("command") { Description = "what to run in the guest (default: a shell)", Arity = ArgumentArity.ZeroOrMore };
        Command verb = new("run", "Boot a throw-away guest with these channels and run a command in it.") { vmm, memory, kernel, share, keep, command };
        verb.SetAction((parsed, _) => RunAsync(() => new RunOptions(
            parsed.GetValue(vmm) == "qemu" ? Vmm.Qemu : Vmm.Uml,
            MemoryOf(parsed.GetValue(memory)),
            parsed.GetValue(kernel),
            [.. (parsed.GetValue(share) ?? []).Select(SharedFolder.Parse)],
            parsed.GetValue(keep),
            parsed.GetValue(command) ?? [])));
        return verb;
    }

    private static int MemoryOf(int mebibytes) =>
        mebibytes >= RunOptions.MinMemoryMiB
            ? mebibytes
            : throw new RunException($"--memory {mebibytes}: a guest needs at least {RunOptions.MinMemoryMiB} MiB");

    private static async Task<int> RunAsync(Func<RunOptions> read)
    {
        RunOptions options;
        try
        {
            options = read();
        }
        catch (RunException error)
        {
            return await FailAsync(error.Message, code: 2);
        }

        using RunSignals signals = new();
        try
        {
            ILoggerFactory logs = NullLoggerFactory.Instance;
            return await new RunSession(options, signals, logs).RunAsync(_ => []);
        }
        catch (OperationCanceledException) when (signals.Abort.IsCancellationRequested)
        {
            return 128 + signals.Last;
        }
        catch (Exception error) when (error is RunException or FetchException or IOException)
        {
            return await FailAsync(error.Message, code: 1);
        }
    }

    private static async Task<int> FailAsync(string message, int code)
    {
        await Console.Error.WriteLineAsync($"vmchannel: run: {message}");
        return code;
    }
}
