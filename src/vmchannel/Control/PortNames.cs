using System.Globalization;
using Microsoft.AspNetCore.Http;
using VmChannel.Cli.Serve;
using VmChannel.Control;

namespace VmChannel.Cli.Control;

/// <summary>Finds the port a person means: by number, by name, by the end of a name when no other ends so, or as <c>console</c>.</summary>
internal static class PortNames
{
    /// <summary>A console mostly has no name of its own.</summary>
    private const string Console = "console";

    /// <exception cref="ProblemException">None (404), or several (409): the candidates are named.</exception>
    public static ServedPort Find(VmHost vm, string text)
    {
        ServedPort[] found = Match(vm.Ports, text);
        return found switch
        {
            [ServedPort only] => only,
            [] => throw new ProblemException(
                StatusCodes.Status404NotFound,
                "no such port",
                $"{vm.Name} has no port {text}: {(vm.Ports.Count == 0 ? "it has none" : "it has " + List(vm.Ports))}"),
            _ => throw new ProblemException(new Problem(
                "which port?",
                StatusCodes.Status409Conflict,
                $"{text} may be {List(found)} of {vm.Name}: write more of the name, or the number",
                Candidates: [.. found.Select(port => port.Plan.Spec.Protocol!)])),
        };
    }

    /// <summary>What to say of a port that was found, and is not there any more.</summary>
    public static ProblemException Gone(ServedPort port)
        => new(StatusCodes.Status404NotFound, "no such port", $"{port.Plan.Spec} was taken out meanwhile");

    /// <summary>Every port the text may mean.</summary>
    public static ServedPort[] Match(IReadOnlyCollection<ServedPort> ports, string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && ports.FirstOrDefault(port => port.Plan.Spec.Number == number) is ServedPort numbered)
        {
            return [numbered];
        }

        ServedPort[] named = [.. ports.Where(port => port.Plan.Spec.Protocol == text)];
        if (named.Length > 0 || text.Length == 0)
        {
            return named;
        }

        ServedPort[] ending = [.. ports.Where(port => port.Plan.Spec.Protocol?.EndsWith('.' + text, StringComparison.Ordinal) == true)];
        return ending.Length > 0 || text != Console ? ending : [.. ports.Where(port => port.Plan.Spec.IsConsole)];
    }

    private static string List(IEnumerable<ServedPort> ports)
        => string.Join(", ", ports.Select(port => port.Plan.Spec.Protocol is string name ? $"{port.Plan.Spec.Number} ({name})" : $"{port.Plan.Spec.Number}"));
}
