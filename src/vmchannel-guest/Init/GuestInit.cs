namespace VmChannel.GuestTool.Init;

internal static class GuestInit
{
    public static int Run() => 1;
}
