namespace VmChannel.SystemTests.Rig;

/// <summary>Signals the tests send (signal(7), x86-64 and arm64).</summary>
internal enum PosixSignalNumber
{
    HangUp = 1,
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
    WindowChange = 28,
}
