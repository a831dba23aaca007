namespace VmChannel.SystemTests.Rig;

/// <summary>Shell words that several tests say to their guests.</summary>
internal static class GuestScripts
{
    /// <summary>Says a line on a channel and prints the line that comes back.</summary>
    public static string Exchange(string path, string line) => $"exec 5<>{path}; echo {line} >&5; read -r answer <&5; echo $answer";

    /// <summary>Ends the program of <see cref="Hold"/>, and waits for its end.</summary>
    public const string LetGo = "holder=$(</tmp/holder); kill $holder; while [ -e /proc/$holder ]; do sleep 0.02; done";

    /// <summary>Lets the states that drivers show be below $mountpoint.</summary>
    public const string DebugFiles = "mountpoint=/sys/kernel/debug; [ -e $mountpoint/virtio-ports ] || mount -t debugfs debugfs $mountpoint";

    /// <summary>Starts a program that has a channel open, and neither reads nor writes.</summary>
    public static string Hold(string path) => $"exec 5<>{path} 3>&-; sleep 100000 >/dev/null 2>&1 & echo $! >/tmp/holder";

    /// <summary>
    /// Reads exactly so many bytes of a descriptor to standard output. As long as the driver has not heard of a host end, which may have come long ago, a read
    /// is at the end of the file: it is tried again.
    /// </summary>
    public static string Take(int descriptor, long bytes) => $$"""
        report=/tmp/taken.$BASHPID
        for ((rest = {{bytes}}; rest > 0; )); do
            dd bs=256k iflag=fullblock,count_bytes count=$rest <&{{descriptor}} 2>$report || exit
            while read -r count unit _; do [[ $unit != byte* ]] || taken=$count; done <$report
            ((rest -= taken)); ((taken)) || sleep 0.02
        done; rm $report
        """;

    /// <summary>What cksum says of so many bytes that a channel gives.</summary>
    public static string TakeChecksum(string path, long bytes) => $"exec 6<{path}; {{ {Take(6, bytes)}; }} | cksum";

    /// <summary>Exchanges a line with a client at the other end, each saying its own.</summary>
    public static async Task ExchangeAsync(this Guest guest, string path, ChannelClient client)
    {
        Task<string> answer = guest.RunAsync(Exchange(path, "from the guest"));
        Task heard = client.ExpectAsync("from the guest\n");
        if (await Task.WhenAny(heard, answer) == answer)
        {
            // It cannot have been answered yet: it says what is wrong.
            Assert.Fail($"the guest did not wait for an answer: {await answer}");
        }

        try
        {
            await heard;
        }
        catch (OperationCanceledException)
        {
            // How far did it come? The driver counts what the guest sent, and the server what it took.
            GuestResult state = await guest.TryAsync($"{DebugFiles}; head -n 20 $mountpoint/virtio-ports/*; ls -l {path}");
            throw new TimeoutException($"nothing came from the guest's {path}\n{state.Output}\n{guest.Describe()}");
        }

        await client.SendAsync("from the host\n");
        Assert.Equal("from the host", await answer);
    }
}
