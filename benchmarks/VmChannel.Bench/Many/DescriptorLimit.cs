using System.Globalization;
using VmChannel.Native;

namespace VmChannel.Bench.Many;

/// <summary>How many descriptors a process may have here (<c>ulimit -Hn</c>), and so how many devices fit.</summary>
internal static class DescriptorLimit
{
    /// <summary>The runtime's own, the API's and a reserve.</summary>
    private const int Others = 500;

    /// <summary>Lets this process have all it may; children get the same.</summary>
    /// <returns>Descriptors beyond those a process has anyway.</returns>
    public static int Raise()
    {
        _ = ResourceLimits.MaximizeOpenFiles();
        string line = File.ReadLines("/proc/self/limits").First(line => line.StartsWith("Max open files", StringComparison.Ordinal));
        string hard = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2];
        return int.TryParse(hard, CultureInfo.InvariantCulture, out int most) ? most - Others : int.MaxValue;
    }
}
