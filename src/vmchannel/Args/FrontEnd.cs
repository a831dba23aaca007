namespace VmChannel.Cli.Args;

/// <summary>A VMM that vmchannel knows the arguments of.</summary>
internal enum FrontEnd
{
    Qemu,
    Uml,
    Crosvm,
    Libkrun,
}
