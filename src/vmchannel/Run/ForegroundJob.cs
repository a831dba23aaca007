using System.Globalization;

namespace VmChannel.Cli.Run;

/// <summary>Whether the terminal is ours to use: a background job that touches its mode is stopped by the kernel.</summary>
internal static class ForegroundJob
{
    // proc(5): pid (name) state ppid pgrp session tty tpgid …, counted after the name, which may contain anything.
    private const int ProcessGroup = 2;
    private const int TerminalGroup = 5;

    public static bool IsThisProcess() => IsForeground(File.ReadAllText("/proc/self/stat"));

    public static bool IsForeground(string stat)
    {
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return int.Parse(fields[ProcessGroup], CultureInfo.InvariantCulture) == int.Parse(fields[TerminalGroup], CultureInfo.InvariantCulture);
    }
}
