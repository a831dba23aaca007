using VmChannel.Testing;
using VmChannel.Wire.Tests.Fuzz;
using Xunit;

namespace VmChannel.Wire.Tests.UsbIp;

public sealed class UsbIpCorpusTests
{
    [Fact]
    public void Run_EveryCorpusFile_Survives() => Corpus.Replay("usbip", UsbIpTarget.Run);

    [Fact]
    public void Run_CorpusChanged_Survives() => Corpus.ReplayChanged("usbip", UsbIpTarget.Run, reach: 400, changes: (0, 6), cut: 200);
}
