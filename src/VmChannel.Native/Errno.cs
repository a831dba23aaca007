namespace VmChannel.Native;

/// <summary>Linux error numbers this project tells apart; any other number may appear.</summary>
/// <remarks>Linux <c>asm-generic/errno-base.h</c> and <c>errno.h</c>; the same on x86-64 and arm64.</remarks>
public enum Errno
{
    None = 0,
    Permission = 1,
    NotFound = 2,
    NoProcess = 3,
    Interrupted = 4,
    InputOutput = 5,
    NoSuchDeviceOrAddress = 6,
    ExecFormat = 8,
    BadDescriptor = 9,
    NoChild = 10,
    Again = 11,
    AccessDenied = 13,
    Fault = 14,
    Busy = 16,
    Exists = 17,
    NoDevice = 19,
    NotFolder = 20,
    IsDirectory = 21,
    InvalidArgument = 22,
    FileTooLarge = 27,
    NoSpace = 28,
    BrokenPipe = 32,
    NotSocket = 88,
    AddressInUse = 98,
    AddressNotAvailable = 99,
    ConnectionReset = 104,
    NoBufferSpace = 105,
    NotConnected = 107,
    TimedOut = 110,
    ConnectionRefused = 111,
    HostUnreachable = 113,
    InProgress = 115,
}
