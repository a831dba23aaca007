namespace VmChannel.Device.Ports;

/// <summary>What a USB serial adapter is to the guest's drivers (<c>adapter=</c>).</summary>
public enum UsbAdapterKind
{
    /// <summary>An FT232H of FTDI: Linux's <c>ftdi_sio</c>.</summary>
    Ftdi,

    /// <summary>The Abstract Control Model of USB's communications devices class: Linux's <c>cdc_acm</c>.</summary>
    Acm,
}
