using System.Net;
using System.Text;
using System.Text.Json;

namespace AgentKernel.AgentGateway.Tests.Peers;

/// <summary>Reads a turn's stream as a caller does, and keeps every byte of it.</summary>
internal sealed class EventReader : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly Stream _stream;
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly StringBuilder _all = new();
    private int _taken;

    private EventReader(HttpResponseMessage response, Stream stream) => (_response, _stream) = (response, stream);

    /// <summary>Everything that has been read.</summary>
    public string All => _all.ToString();

    public HttpResponseMessage Response => _response;

    public static async Task<EventReader> OpenAsync(HttpResponseMessage response)
    {
        Assert.True(response.StatusCode == HttpStatusCode.OK, response.StatusCode == HttpStatusCode.OK ? "" : await response.Content.ReadAsStringAsync());
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.ToString());
        return new(response, await response.Content.ReadAsStreamAsync());
    }

    /// <summary>The next block up to its blank line, without it; null at the end of the stream.</summary>
    public async Task<string?> BlockAsync()
    {
        int end;
        while ((end = All.IndexOf("\n\n", _taken, StringComparison.Ordinal)) < 0)
        {
            var read = await Wait.ForAsync(_stream.ReadAsync(_buffer).AsTask(), "bytes of the stream", () => $"so far there were:\n{All}");
            if (read == 0)
            {
                Assert.Equal(All.Length, _taken); // never a part of an event
                return null;
            }

            _all.Append(Encoding.UTF8.GetString(_buffer, 0, read));
        }

        var block = All[_taken..end];
        _taken = end + 2;
        return block;
    }

    /// <summary>The data of the next event; comments are stepped over.</summary>
    public async Task<JsonElement> EventAsync()
    {
        while (await BlockAsync() is { } block)
        {
            if (block.StartsWith("data: ", StringComparison.Ordinal))
            {
                return JsonElement.Parse(block["data: ".Length..]);
            }
        }

        Assert.Fail($"the stream has ended:\n{All}");
        return default;
    }

    /// <summary>The rest of the stream must be this failure: an error event of this code, the done event, and the end.</summary>
    public async Task<string> FailedAsync(string code)
    {
        var error = await EventAsync();
        Assert.True(error.TryGetProperty("error", out var message), error.ToString());
        Assert.Equal(code, error.GetProperty("code").GetString());
        Assert.False(error.GetProperty("done").GetBoolean());
        Assert.True((await EventAsync()).GetProperty("done").GetBoolean());
        Assert.Null(await BlockAsync());
        return message.GetString()!;
    }

    /// <summary>The rest of the stream must be the done event and the end.</summary>
    public async Task DoneAsync()
    {
        var done = await EventAsync();
        Assert.True(done.GetProperty("done").GetBoolean());
        Assert.False(done.TryGetProperty("error", out _));
        Assert.Null(await BlockAsync());
    }

    public void Dispose() => _response.Dispose();
}
