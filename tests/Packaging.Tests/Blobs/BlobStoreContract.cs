using System.Security.Cryptography;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Blobs;

namespace AgentKernel.Packaging.Tests.Blobs;

/// <summary>What every blob store keeps to.</summary>
public abstract class BlobStoreContract
{
    protected const long MaxBytes = 1 << 20;

    [Fact]
    public async Task Put_NewContent_IsThereWholeUnderItsDigest()
    {
        await using var place = await OpenAsync();
        foreach (var size in new[] { 0, 1, 300_000, (int)MaxBytes })
        {
            var content = RandomNumberGenerator.GetBytes(size);
            var told = new List<long>();
            var stored = await place.Store.PutAsync(new MemoryStream(content), null, new Told(told), default);
            Assert.Equal((true, Digest.Of(content), size), (stored.Created, stored.Blob.Digest, stored.Blob.Size));
            Assert.Equal(size, told.LastOrDefault());
            Assert.Equal(stored.Blob, await place.Store.FindAsync(stored.Blob.Digest, default));
            Assert.Equal(content, await ReadAsync(place.Store, stored.Blob, 0, size));
            Assert.Equal(content, await File.ReadAllBytesAsync((await place.Store.GetFileAsync(stored.Blob.Digest, default))!));
        }
    }

    [Fact]
    public async Task Put_Twice_KeepsOne()
    {
        await using var place = await OpenAsync();
        var content = RandomNumberGenerator.GetBytes(5000);
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => place.Store.PutAsync(new MemoryStream(content), null, null, default)));
        Assert.Contains(all, stored => stored.Created);
        Assert.False((await place.Store.PutAsync(new MemoryStream(content), Digest.Of(content), null, default)).Created);
        Assert.Equal([new BlobInfo(Digest.Of(content), 5000)], await ListAsync(place.Store));
    }

    [Fact]
    public async Task Open_APart_GivesThatPart()
    {
        await using var place = await OpenAsync();
        var content = RandomNumberGenerator.GetBytes(5000);
        var blob = (await place.Store.PutAsync(new MemoryStream(content), null, null, default)).Blob;
        Assert.Equal(content[100..300], await ReadAsync(place.Store, blob, 100, 200));
        Assert.Equal(content[4999..], await ReadAsync(place.Store, blob, 4999, 1));
    }

    [Fact]
    public async Task Put_WrongDigestTooLargeOrBrokenOff_LeavesNothing()
    {
        await using var place = await OpenAsync();
        var wrong = await Assert.ThrowsAsync<BlobException>(() => place.Store.PutAsync(new MemoryStream([1]), Digest.Of([2]), null, default));
        Assert.False(wrong.TooLarge);
        Assert.True((await Assert.ThrowsAsync<BlobException>(() => place.Store.PutAsync(new MemoryStream(new byte[MaxBytes + 1]), null, null, default))).TooLarge);
        await Assert.ThrowsAsync<IOException>(() => place.Store.PutAsync(new BrokenStream(), null, null, default));
        using var cancelled = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => place.Store.PutAsync(new BrokenStream(cancelled), null, null, cancelled.Token));
        Assert.Empty(await ListAsync(place.Store));
        Assert.Empty(place.Leftovers());
    }

    [Fact]
    public async Task Delete_ABlob_IsGoneAndASecondTimeNoError()
    {
        await using var place = await OpenAsync();
        var blob = (await place.Store.PutAsync(new MemoryStream([1, 2, 3]), null, null, default)).Blob;
        await place.Store.DeleteAsync(blob.Digest, default);
        await place.Store.DeleteAsync(blob.Digest, default);
        Assert.Null(await place.Store.FindAsync(blob.Digest, default));
        Assert.Null(await place.Store.GetFileAsync(blob.Digest, default));
        Assert.Null(await place.Store.OpenAsync(blob.Digest, 0, 1, default));
        Assert.Empty(await ListAsync(place.Store));
        Assert.Empty(place.Leftovers());
    }

    internal abstract Task<IStorePlace> OpenAsync();

    internal interface IStorePlace : IAsyncDisposable
    {
        IBlobStore Store { get; }

        /// <summary>Files that belong to no blob.</summary>
        IEnumerable<string> Leftovers();
    }

    private static async Task<byte[]> ReadAsync(IBlobStore store, BlobInfo blob, long offset, long length)
    {
        if (length == 0)
        {
            return [];
        }

        await using var stream = await store.OpenAsync(blob.Digest, offset, length, default);
        using var copy = new MemoryStream();
        await stream!.CopyToAsync(copy);
        return copy.ToArray();
    }

    private static async Task<List<BlobInfo>> ListAsync(IBlobStore store)
    {
        var all = new List<BlobInfo>();
        await foreach (var blob in store.ListAsync(default))
        {
            all.Add(blob);
        }

        return all;
    }

    private sealed class Told(List<long> all) : IProgress<long>
    {
        public void Report(long value) => all.Add(value);
    }

    /// <summary>Gives some bytes, and then no more: it breaks, or its reader is told to stop.</summary>
    private sealed class BrokenStream(CancellationTokenSource? stop = null) : MemoryStream
    {
        private bool _begun;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_begun && stop is not null)
            {
                await stop.CancelAsync();
                cancellationToken.ThrowIfCancellationRequested();
            }

            if (_begun)
            {
                throw new IOException("it broke off");
            }

            _begun = true;
            return buffer.Length;
        }
    }
}

public sealed class FolderBlobStoreTests : BlobStoreContract
{
    internal override Task<IStorePlace> OpenAsync() => Task.FromResult<IStorePlace>(new Place());

    private sealed class Place : IStorePlace
    {
        private readonly TemporaryFolder _folder = new();

        public Place() => Store = new FolderBlobStore(_folder.Path, MaxBytes);

        public IBlobStore Store { get; }

        public IEnumerable<string> Leftovers() => Directory.EnumerateFiles(_folder.Combine("uploads"));

        public ValueTask DisposeAsync()
        {
            _folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
