using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Library;

/// <summary>How the agent's code becomes the processor's.</summary>
public enum AgentBuild
{
    /// <summary>In the guest, by the runtime.</summary>
    Jit,

    /// <summary>On the host, by NativeAOT.</summary>
    Native,
}

/// <summary>The agents of the tests: programs that use the library in a guest.</summary>
internal static class AgentBuilds
{
    /// <summary>Shell words that run the tests' agent.</summary>
    public static string Command(this AgentBuild build) => AgentMachine.Command(build == AgentBuild.Jit ? Jit("tests/guest-agent", "guest-agent") : Executables.GuestAgent);

    /// <summary>Shell words that open a channel while another process has it open, and again when that is gone.</summary>
    public static string OpenTwice(string agent, string protocol) => $$"""
        rm -f /tmp/first
        {{agent}} open {{protocol}} 1000000 >/tmp/first & p=$!
        until [ -s /tmp/first ]; do sleep 0.05; done
        {{agent}} open {{protocol}}
        kill $p; wait $p
        {{agent}} open {{protocol}}
        """;

    /// <summary>Words that run what a project has built with the runtime of this very test.</summary>
    public static string Jit(string project, string assembly)
    {
        string runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string dotnet = Path.GetFullPath(Path.Combine(runtime, "../../../dotnet"));
        return $"{dotnet} {Path.Combine(Executables.Repository, project, "bin/Debug/net10.0", assembly)}.dll";
    }
}
