using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AgentKernel.Client;
using AgentKernel.Rpc;

namespace AgentKernel.Packaging.Tests.Service;

public sealed class BlobHttpTests
{
    [Fact]
    public async Task Put_ThenHeadAndGet_GiveItBackAlsoInParts()
    {
        await using var service = await RunningPackaging.StartAsync();
        var content = RandomNumberGenerator.GetBytes(1_000_000);
        var digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";
        using (var put = await service.Raw.PutAsync("v1/blobs", new ByteArrayContent(content)))
        {
            Assert.Equal(HttpStatusCode.Created, put.StatusCode);
            using var answer = JsonDocument.Parse(await put.Content.ReadAsStringAsync());
            Assert.Equal($"blob://{digest}", answer.RootElement.GetProperty("uri").GetString());
            Assert.Equal(content.Length, answer.RootElement.GetProperty("size").GetInt32());
        }

        using (var again = await service.Raw.PutAsync($"v1/blobs?digest={digest}", new ByteArrayContent(content)))
        {
            Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        }

        using (var head = await service.Raw.SendAsync(new(HttpMethod.Head, $"v1/blobs/{digest}")))
        {
            Assert.Equal((HttpStatusCode.OK, content.Length), (head.StatusCode, (int)head.Content.Headers.ContentLength!));
        }

        Assert.Equal(content, await service.Raw.GetByteArrayAsync($"v1/blobs/{digest}"));
        foreach (var (range, from, to) in new[] { ("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=999990-", 999_990, 1_000_000), ("bytes=-5", 999_995, 1_000_000), ("bytes=5-99999999", 5, 1_000_000) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/blobs/{digest}") { Headers = { Range = RangeHeaderValue.Parse(range) } };
            using var part = await service.Raw.SendAsync(request);
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            Assert.Equal(content[from..to], await part.Content.ReadAsByteArrayAsync());
            Assert.Equal($"bytes {from}-{to - 1}/1000000", part.Content.Headers.ContentRange!.ToString());
        }

        using var beyond = new HttpRequestMessage(HttpMethod.Get, $"v1/blobs/{digest}") { Headers = { Range = RangeHeaderValue.Parse("bytes=1000000-") } };
        using var refused = await service.Raw.SendAsync(beyond);
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, refused.StatusCode);
    }

    [Theory]
    [InlineData("v1/blobs?digest=sha256:12", HttpStatusCode.BadRequest, "digest must be")]
    [InlineData("v1/blobs?digest=sha256:0000000000000000000000000000000000000000000000000000000000000000", HttpStatusCode.BadRequest, "digest: the content has")]
    public async Task Put_WrongDigest_IsRefusedAndNotKept(string path, HttpStatusCode status, string message)
    {
        await using var service = await RunningPackaging.StartAsync();
        using var put = await service.Raw.PutAsync(path, new StringContent("x"));
        Assert.Equal(status, put.StatusCode);
        Assert.Contains(message, await put.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(service.Leftovers());
        Assert.Equal(0, (await service.Client.Packaging.PruneAsync(all: true)).Blobs);
    }

    [Fact]
    public async Task Put_TooLarge_NamesTheLimit_WithAndWithoutALength()
    {
        await using var service = await RunningPackaging.StartAsync(new() { MaxBlobBytes = 1000 });
        using (var put = await service.Raw.PutAsync("v1/blobs", new ByteArrayContent(new byte[1001])))
        {
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, put.StatusCode);
            Assert.Contains("1000 bytes", await put.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        using var chunked = new HttpRequestMessage(HttpMethod.Put, "v1/blobs") { Content = new StreamContent(new MemoryStream(new byte[1001])), Headers = { TransferEncodingChunked = true } };
        using var answer = await service.Raw.SendAsync(chunked);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        using var folder = new TemporaryFolder();
        var refused = await Assert.ThrowsAsync<RpcException>(() => service.Client.Blobs.UploadFileAsync(folder.Write("f", new byte[1001])));
        Assert.Equal(RpcStatusCode.ResourceExhausted, refused.Code);
        Assert.Empty(service.Leftovers());
    }

    [Fact]
    public async Task Put_CutOff_KeepsNothing()
    {
        await using var service = await RunningPackaging.StartAsync();
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(service.Http.Host, service.Http.Port);
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"PUT /v1/blobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {RunningPackaging.Token}\r\nContent-Length: 1000\r\n\r\nonly this"));
            await WaitAsync(() => service.Leftovers().Count == 1, service); // it has begun
        }

        await WaitAsync(() => service.Leftovers().Count == 0, service);
        Assert.Equal(0, (await service.Client.Packaging.PruneAsync(all: true)).Blobs);
    }

    [Fact]
    public async Task Client_SameFolderElsewhere_IsSentOnce()
    {
        await using var service = await RunningPackaging.StartAsync();
        using var first = new TemporaryFolder();
        using var second = new TemporaryFolder();
        first.Write("b", "2"u8);
        first.Write("a/x", new byte[3 << 20]);
        second.Write("a/x", new byte[3 << 20]);
        second.Write("b", "2"u8);
        File.SetLastWriteTimeUtc(second.Combine("b"), new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        var told = new List<UploadProgress>();
        var sent = await service.Client.Blobs.UploadDirectoryAsync(first.Path, new Told(told));
        Assert.True(sent.Sent);
        Assert.Equal(new UploadProgress(sent.Size, sent.Size), told[^1]);
        Assert.True(told.Count > 3);
        Assert.Equal(sent with { Sent = false }, await service.Client.Blobs.UploadDirectoryAsync(second.Path));

        using var copy = new MemoryStream();
        await service.Client.Blobs.DownloadAsync(sent.Uri, copy);
        Assert.Equal(sent.Size, copy.Length);
        var missing = await Assert.ThrowsAsync<RpcException>(() => service.Client.Blobs.DownloadAsync($"blob://sha256:{new string('0', 64)}", copy));
        Assert.Equal(RpcStatusCode.NotFound, missing.Code);
    }

    [Fact]
    public async Task Client_FolderWithAPipe_IsRefusedAndNothingSent()
    {
        await using var service = await RunningPackaging.StartAsync();
        using var folder = new TemporaryFolder();
        await Tool.RunAsync("mkfifo", folder.Combine("pipe"));
        var refused = await Assert.ThrowsAsync<IOException>(() => service.Client.Blobs.UploadDirectoryAsync(folder.Path));
        Assert.Contains("pipe", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IOException>(() => service.Client.Blobs.UploadDirectoryAsync(folder.Combine("missing")));
    }

    // The file system tells nobody of this process; so it is looked at until it is so.
    private static async Task WaitAsync(Func<bool> condition, RunningPackaging service)
    {
        using var watcher = new FileSystemWatcher(Path.Combine(service.Home, "packaging", "blobs", "uploads")) { EnableRaisingEvents = true };
        var changed = new SemaphoreSlim(0);
        watcher.Created += (_, _) => changed.Release();
        watcher.Deleted += (_, _) => changed.Release();
        using var limit = new CancellationTokenSource(RunningPackaging.Patience);
        while (!condition())
        {
            await changed.WaitAsync(limit.Token);
        }
    }

    private sealed class Told(List<UploadProgress> all) : IProgress<UploadProgress>
    {
        public void Report(UploadProgress value) => all.Add(value);
    }
}
