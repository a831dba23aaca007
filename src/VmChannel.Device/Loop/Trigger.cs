namespace VmChannel.Device.Loop;

/// <summary>When the loop reports that a descriptor is ready.</summary>
public enum Trigger
{
    /// <summary>When that has changed.</summary>
    Edge,

    /// <summary>As long as it is. A wait looks at it again, which is cheaper than to ask; whoever leaves it ready must stop watching.</summary>
    Level,
}
