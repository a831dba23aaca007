using System.Security.Cryptography;
using System.Text;
using VmChannel.Device.Loop;
using VmChannel.Device.Ports;
using VmChannel.Wire;
using VmChannel.Wire.Usb;

namespace VmChannel.Device.UsbSerial;

/// <summary>A USB serial adapter that is one end of a port, whatever carries its transfers. Loop thread only.</summary>
/// <remarks>
/// Nothing is polled: an IN transfer is held until there are bytes for the guest, and an OUT transfer is over when the host end has
/// taken it. DTR is guest-open; DCD and DSR together (and CTS, where a kind of adapter has it) are host-open.
/// </remarks>
public sealed partial class UsbSerialAdapter : Runnable, IDisposable
{
    /// <summary>
    /// A terminal is opened cooked: what comes before the program has made it raw would be changed, or echoed. And udev's own
    /// <c>stty</c> opens it for a moment. So bytes for the guest wait this long after it was opened.
    /// </summary>
    private static readonly TimeSpan SettleTime = TimeSpan.FromMilliseconds(100);

    private readonly DeviceLoop _loop;
    private readonly AdapterDevice _device;
    private readonly FlowWatch _flow;
    private readonly AnswerPace _pace;
    private readonly LoopTimer _settled;
    private IUsbHost? _host;
    private long _openedAt;
    private bool _isSettled;
    private bool _isUnplugged;

    /// <param name="port">The port; the caller's to dispose.</param>
    /// <param name="serial">Serial number: <see cref="SerialOf"/>.</param>
    /// <param name="loop">Gives it its turns.</param>
    /// <param name="stallAfter">How long bytes wait without moving before the port counts as stalled.</param>
    /// <exception cref="ArgumentException">The port has no name that fits in a product string.</exception>
    public UsbSerialAdapter(Port port, string serial, DeviceLoop loop, TimeSpan stallAfter)
    {
        if (!ProtocolName.TryParse(port.Spec.Protocol, out ProtocolName name, out _) || name.Text.Length > ChannelProduct.MaxNameLength)
        {
            throw new ArgumentException($"{port.Spec} has no name of at most {ChannelProduct.MaxNameLength} characters", nameof(port));
        }

        Port = port;
        _loop = loop;
        _device = port.Spec.Adapter == UsbAdapterKind.Acm ? new AcmDevice(ChannelProduct.Of(name), serial) : new FtdiDevice(ChannelProduct.Of(name), serial);
        _flow = new FlowWatch(port, loop, stallAfter);
        _pace = new AnswerPace(_device.MaxAnswers, loop, this);
        _settled = new LoopTimer(OnSettled);
        port.AttachTransport(() => loop.Schedule(this));
    }

    public Port Port { get; }

    /// <summary>The configuration the guest chose; 0 = none.</summary>
    public byte Configuration => _device.Configuration;

    /// <summary>Nothing of the guest waits to be delivered.</summary>
    public bool IsDrained => _output.Count == 0 && !Port.HoldsBytes;

    /// <summary>What it says of itself.</summary>
    internal AdapterDescriptors Descriptors => _device.Descriptors;

    /// <summary>A serial number by which a guest knows the same channel again, and no other: the VM's name and the channel's decide it.</summary>
    /// <remarks>16 characters, as long as FTDI's own are at most.</remarks>
    public static string SerialOf(string vm, string protocol)
        => "VC" + Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{vm}\0{protocol}")).AsSpan(0, 7));

    /// <summary>Somebody carries its transfers to a guest from now on.</summary>
    /// <param name="host">Takes their outcomes.</param>
    /// <param name="peer">Who that is, for people.</param>
    public void Attach(IUsbHost host, string peer)
    {
        _host = host;
        Port.Record.SetFrontEnd(peer);
    }

    /// <summary>Nobody does any more: whoever had it open is gone, and so are its transfers.</summary>
    /// <param name="cause">Why, for events.</param>
    public void Detach(string cause)
    {
        _host = null;
        Port.Record.SetFrontEnd(null);
        _input.Clear();
        _pace.StartOver();

        // Not told as taken to anybody: the guest's driver knows that they may not have arrived.
        _output.Clear();
        _notifications.Clear();
        _device.Forget();
        StartOver(cause);
    }

    /// <summary>The port is unplugged: the adapter is gone for good.</summary>
    public void Unplug(string cause)
    {
        if (!_isUnplugged)
        {
            _isUnplugged = true;
            Detach(cause);
            _settled.Dispose();
            _pace.Dispose();
            _flow.Stop();
            Port.AttachTransport(null);
        }
    }

    public void Dispose() => Unplug("it was unplugged");

    /// <summary>The guest resets the device.</summary>
    public void Reset()
    {
        CancelAll();
        StartOver("the guest reset the adapter");
    }

    /// <summary>The guest's system chooses a configuration.</summary>
    /// <returns>False: there is no such.</returns>
    public bool Configure(byte configuration)
    {
        if (configuration > 1)
        {
            return false;
        }

        if (configuration == 0)
        {
            CancelAll();
            StartOver("the guest turned the adapter off");
        }
        else
        {
            Port.Record.SetReady(_device.IsNameKnown);
        }

        _device.Configuration = configuration;
        return true;
    }

    /// <summary>Does what a request on the control endpoint asks.</summary>
    /// <param name="setup">The request.</param>
    /// <param name="data">The data stage of a request that brings it.</param>
    /// <param name="answer">Room for as much of an answer as was asked for, or less: no answer is longer than 255 bytes.</param>
    /// <param name="answerBytes">Bytes of the answer.</param>
    public TransferStatus Control(in SetupPacket setup, ReadOnlySpan<byte> data, Span<byte> answer, out int answerBytes)
    {
        answerBytes = 0;
        if (setup is { Kind: SetupKind.Standard, IsIn: false, Request: (byte)StandardRequest.SetConfiguration })
        {
            return setup.Value <= byte.MaxValue && Configure((byte)setup.Value) ? TransferStatus.Done : TransferStatus.Stalled;
        }

        int count = _device.Answer(setup, data, Port.IsHostOpen, answer);
        if (count < 0)
        {
            return TransferStatus.Stalled;
        }

        answerBytes = count;
        LookAtDtr();
        return TransferStatus.Done;
    }

    /// <summary>There is such an interface now.</summary>
    internal bool HasInterface(int number) => _device.HasInterface(number);

    protected internal override bool Run()
    {
        long before = Port.Counters.FromGuestBytes + Port.Counters.ToGuestBytes;
        bool more = Serve();
        Moved += Port.Counters.FromGuestBytes + Port.Counters.ToGuestBytes - before;
        _host?.Flush();
        return more;
    }

    private void LookAtDtr()
    {
        if (_device.IsDtrHigh == Port.IsGuestOpen)
        {
            return;
        }

        _isSettled = false;
        Port.SetGuestOpen(_device.IsDtrHigh);
        if (_device.IsDtrHigh)
        {
            _openedAt = Environment.TickCount64;
            _loop.Set(_settled, SettleTime);
        }

        _loop.Schedule(this);
    }

    private void OnSettled()
    {
        TimeSpan left = SettleTime - TimeSpan.FromMilliseconds(Environment.TickCount64 - _openedAt);
        if (left > TimeSpan.Zero)
        {
            // It was closed and opened again meanwhile.
            _loop.Set(_settled, left);
            return;
        }

        _isSettled = Port.IsGuestOpen;
        _loop.Schedule(this);
    }

    private void StartOver(string cause)
    {
        _device.Reset();
        _isSettled = false;
        _toldOpen = null;
        _flow.Settle();
        Port.SetGuestOpen(false, cause);
        Port.OnDrained();
        if (!_isUnplugged)
        {
            Port.Record.ForgetDriver();
        }
    }

}
