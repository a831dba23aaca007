using System.Collections;

namespace VmChannel.Cli.Serve;

/// <summary>The ports of a VM at one moment, by number. Immutable: a change makes another.</summary>
internal sealed class ServedPorts : IReadOnlyCollection<ServedPort>
{
    private readonly ServedPort[] _byNumber;

    private ServedPorts(ServedPort[] byNumber) => _byNumber = byNumber;

    public static ServedPorts None { get; } = new([]);

    public int Count => _byNumber.Length;

    /// <summary>The port with this number, or null.</summary>
    public ServedPort? this[int number] => Array.Find(_byNumber, served => served.Plan.Spec.Number == number);

    /// <summary>The port of this protocol, or null.</summary>
    public ServedPort? Find(string protocol) => Array.Find(_byNumber, served => served.Plan.Spec.Protocol == protocol);

    /// <summary>With this one, in place of one with the same number.</summary>
    public ServedPorts With(ServedPort added)
    {
        int number = added.Plan.Spec.Number;
        return new([.. _byNumber.Where(served => served.Plan.Spec.Number != number).Append(added).OrderBy(served => served.Plan.Spec.Number)]);
    }

    public ServedPorts Without(int number) => new([.. _byNumber.Where(served => served.Plan.Spec.Number != number)]);

    public IEnumerator<ServedPort> GetEnumerator() => ((IEnumerable<ServedPort>)_byNumber).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
