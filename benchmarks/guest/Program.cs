using VmChannel.Bench.Guest;
using VmChannel.Native;

// The guest's first process: what goes wrong is written to the console, which the host keeps.
try
{
    GuestSystem.Prepare();
    using PortTable ports = new();
    new Agent(ports).Run();
}
catch (Exception error)
{
    Console.Error.WriteLine($"bench guest: {error}");
}

Mounts.Sync();
_ = Machine.PowerOff();
