using System.Diagnostics;
using System.Globalization;
using System.Net;
using VmChannel.Bench.Results;
using VmChannel.Mux;

namespace VmChannel.Bench.Http;

/// <summary>Small requests over HTTP/2 alone, and beside a download, all through one port.</summary>
internal sealed class HttpScenario(BenchSettings settings, WebGuest guest)
{
    private const long BulkBytes = 1L << 30;
    private const double BytesPerMebibyte = 1 << 20;

    private static readonly int[] Windows = [64 * 1024, MuxOptions.DefaultWindowBytes, 1024 * 1024];

    private readonly List<Measure> _measures = [];

    public async Task<Section> RunAsync()
    {
        foreach (int window in Windows)
        {
            await RunAsync(window, isShared: false);
        }

        await RunAsync(MuxOptions.DefaultWindowBytes, isShared: true);
        return new(
            "http",
            "HTTP/2 from HttpClient to Kestrel in a UML guest (one virtual CPU), one virtio-serial port: small requests one after the other",
            "alone",
            "beside a 1 GiB download",
            _measures);
    }

    /// <param name="window">Of each of the host's streams: what the download may have on the way.</param>
    /// <param name="isShared">The download is a stream of the same HTTP/2 connection; otherwise it has a connection of its own.</param>
    private async Task RunAsync(int window, bool isShared)
    {
        string name = $"window {window / 1024} KiB{(isShared ? ", same HTTP/2 connection" : "")}";
        if (!settings.Wants(name))
        {
            return;
        }

        MuxLink link = new(guest.OpenAsync, new MuxOptions { MaxStreams = 0, WindowBytes = window });
        using HttpMessageHandler handler = MuxHttp.CreateHandler(link);
        using HttpMessageHandler bulkHandler = MuxHttp.CreateHandler(link);
        using HttpClient small = ClientOf(handler);
        using HttpClient bulk = isShared ? small : ClientOf(bulkHandler);
        await guest.WaitAsync(small);
        _ = await TurnsAsync(small, () => false);
        List<Series> alone = [], beside = [];
        List<double> downloadAlone = [], downloadBeside = [];
        foreach (bool _ in settings.Order())
        {
            alone.Add(await TurnsAsync(small, () => false));
            downloadAlone.Add(await DownloadAsync(bulk));
            (Series turns, double rate) = await BesideAsync(small, bulk);
            beside.Add(turns);
            downloadBeside.Add(rate);
        }

        _measures.AddRange(Measure.Percentiles($"{name},", "ms", beside, alone, 50, 99));
        _measures.Add(new($"{name}, download", "MiB/s", new(downloadBeside), new(downloadAlone)));
    }

    /// <summary>So many turns as there are, or until the download is over.</summary>
    private async Task<Series> TurnsAsync(HttpClient client, Func<bool> goesOn)
    {
        List<double> turns = [];
        do
        {
            long began = Stopwatch.GetTimestamp();
            _ = await client.GetStringAsync(new Uri("small", UriKind.Relative));
            turns.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }
        while (goesOn() || turns.Count < settings.RoundTrips);
        return new(turns);
    }

    /// <returns>Mebibytes a second.</returns>
    private async Task<(Series Turns, double Rate)> BesideAsync(HttpClient small, HttpClient bulk)
    {
        Task<double> download = DownloadAsync(bulk);
        Series turns = await TurnsAsync(small, () => !download.IsCompleted);
        return (turns, await download);
    }

    private static async Task<double> DownloadAsync(HttpClient client)
    {
        await Task.Yield();
        byte[] buffer = new byte[256 * 1024];
        long began = Stopwatch.GetTimestamp();
        using HttpResponseMessage response = await client.GetAsync(
            new Uri(string.Create(CultureInfo.InvariantCulture, $"bulk/{BulkBytes}"), UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        using Stream body = await response.Content.ReadAsStreamAsync();
        while (await body.ReadAsync(buffer) > 0)
        {
        }

        return BulkBytes / BytesPerMebibyte / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static HttpClient ClientOf(HttpMessageHandler handler) => new(handler, disposeHandler: false)
    {
        BaseAddress = new Uri("http://guest/"),
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = Timeout.InfiniteTimeSpan,
    };
}
