using System.Buffers;
using VmChannel.GuestTool.Clipboards;
using VmChannel.Wire.VdAgent;
using Xunit;

namespace VmChannel.Guest.Tests.Clipboards;

/// <summary>
/// Fuzz target: all that a host sends in one session of our own agent, while programs copy and paste. Byte 0 says how the rest is cut; the
/// two low bits of each piece's first byte, what programs do after it.
/// </summary>
internal static class ShareTarget
{
    private const int MaxBytes = 4096;
    private const int MaxMessages = 80;
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(30);

    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        int cut = input[0] + 1;
        input = input[1..];
        List<Task<byte[]?>> pastes = [];
        using RecordedDesktop desktop = new();
        string folder = Path.Combine(Path.GetTempPath(), $"vmchannel-share-{Guid.NewGuid():n}");
        using (HostConversation conversation = new(desktop, MaxBytes, new FileInbox(folder)))
        {
            AgentMessageReader reader = new(HostConversation.MaxPayloadBytes, MessageType.ClipboardData);
            while (!input.IsEmpty)
            {
                ReadOnlySpan<byte> piece = input[..Math.Min(cut, input.Length)];
                input = input[piece.Length..];
                ClipboardSelection selection = (ClipboardSelection)((piece[0] >> 2) & 1);
                switch (piece[0] & 3)
                {
                    case 1:
                        desktop.Copy(selection, "a program's"u8.ToArray());
                        break;
                    case 2:
                        pastes.Add(desktop.PasteAsync(selection));
                        break;
                    default:
                        break;
                }

                while (reader.TryRead(ref piece, out AgentMessage message) == OperationStatus.Done)
                {
                    conversation.Receive(message);
                }

                Assert.True(reader.HeldBytes <= HostConversation.MaxPayloadBytes);
            }

            int messages = 0;
            while (conversation.Take() is not null)
            {
                messages++;
            }

            Assert.InRange(messages, 0, MaxMessages);
        }

        // Whoever waited for the host has been told by now that it has gone.
        Assert.True(Task.WaitAll([.. pastes], EndTime), "somebody waits for ever");
        Assert.All(pastes, paste => Assert.InRange(paste.Result?.Length ?? 1, 1, MaxBytes));
        Assert.False(desktop.IsOffering(ClipboardSelection.Clipboard));
        Assert.False(desktop.IsOffering(ClipboardSelection.Primary));
        if (Directory.Exists(folder))
        {
            // Those that came whole are kept, wherever the host said they should go.
            Assert.All(Directory.GetFileSystemEntries(folder), path => Assert.True(File.Exists(path)));
            Directory.Delete(folder, recursive: true);
        }
    }
}
