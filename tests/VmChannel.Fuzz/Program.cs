using SharpFuzz;
using VmChannel.Fuzz;

// vmchannel-fuzz TARGET: runs under libfuzzer-dotnet or AFL; see docs/fuzzing.md.
if (args.Length < 1 || !FuzzTargets.All.TryGetValue(args[0], out FuzzTargets.Target? target))
{
    await Console.Error.WriteLineAsync($"usage: VmChannel.Fuzz {string.Join('|', FuzzTargets.All.Keys)} [FILE…]");
    return 2;
}

if (args.Length > 1)
{
    foreach (string file in args[1..])
    {
        target(await File.ReadAllBytesAsync(file));
    }

    return 0;
}

Fuzzer.LibFuzzer.Run(input => target(input));
return 0;
