using VmChannel.Device.Loop;

namespace VmChannel.Device.Chardevs;

/// <summary>One action in the loop's next round, however often it is asked for until then.</summary>
internal sealed class LoopTurn(Action action) : Runnable
{
    protected internal override bool Run()
    {
        action();
        return false;
    }
}
