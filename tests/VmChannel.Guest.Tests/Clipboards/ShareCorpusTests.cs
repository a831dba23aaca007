using VmChannel.Testing;
using Xunit;

namespace VmChannel.Guest.Tests.Clipboards;

public sealed class ShareCorpusTests
{
    [Fact]
    public void Run_EveryCorpusFile_Survives() => Corpus.Replay("share", ShareTarget.Run);

    [Fact]
    public void Run_CorpusFilesWithBytesChanged_Survives() => Corpus.ReplayChanged("share", ShareTarget.Run, reach: 1000, changes: (1, 8));
}
