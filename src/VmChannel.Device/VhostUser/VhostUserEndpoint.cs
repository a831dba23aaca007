using VmChannel.Native;

namespace VmChannel.Device.VhostUser;

/// <summary>How the front-end and this back-end find each other.</summary>
public abstract record VhostUserEndpoint : VmEndpoint
{
    private VhostUserEndpoint()
    {
    }

    /// <summary>The front-end connects to this socket, one at a time, again and again.</summary>
    public sealed record Listen(UnixAddress Address) : VhostUserEndpoint
    {
        public override string ToString() => Address.ToString();
    }

    /// <summary>The front-end listens; this side connects, and again after a disconnect.</summary>
    public sealed record Connect(UnixAddress Address) : VhostUserEndpoint
    {
        public override string ToString() => Address.ToString();
    }

    /// <summary>A socket this process inherited: one that listens, or one that is connected and serves once.</summary>
    public sealed record Inherited(int Descriptor) : VhostUserEndpoint
    {
        public override string ToString() => $"descriptor {Descriptor}";
    }

    /// <summary>A socket systemd opened and handed over under this name (<c>FileDescriptorName=</c> of its unit).</summary>
    public sealed record Activated(string Name) : VhostUserEndpoint
    {
        public override string ToString() => $"systemd:{Name}";
    }
}
