using System.Text;

namespace AgentKernel.AgentGateway.Tests.Peers;

/// <summary>One request to a scripted agent, and the means to answer it.</summary>
internal sealed class AgentCall(AgentSocket socket, string requestLine, IReadOnlyDictionary<string, string> headers, byte[] body)
{
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string RequestLine { get; } = requestLine;

    public IReadOnlyDictionary<string, string> Headers { get; } = headers;

    public byte[] Body { get; } = body;

    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>Everything that came, for tests of what must not be in it.</summary>
    public string Everything => RequestLine + "\n" + string.Join('\n', Headers.Select(header => $"{header.Key}: {header.Value}")) + "\n" + Text;

    /// <summary>Waits until the gateway has closed the connection.</summary>
    public Task ClosedAsync() => Wait.ForAsync(_closed.Task, "the gateway to close the connection to the agent");

    public void SetClosed() => _closed.TrySetResult();

    /// <summary>A whole answer.</summary>
    public Task AnswerAsync(int status, string json, string contentType = "application/json") =>
        RawAsync($"HTTP/1.1 {status} Because\r\nContent-Type: {contentType}\r\nContent-Length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}");

    /// <summary>The headers of an event stream.</summary>
    public Task BeginAsync() => RawAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");

    /// <summary>One event, in a chunk of its own.</summary>
    public Task EventAsync(string json) => ChunkAsync($"data: {json}\n\n");

    /// <summary>The last event and the end of the stream.</summary>
    public async Task DoneAsync()
    {
        await EventAsync("""{"body":"","done":true}""");
        await EndAsync();
    }

    public Task ChunkAsync(string text) => RawAsync($"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n");

    /// <summary>The end of the stream, as HTTP has it.</summary>
    public Task EndAsync() => RawAsync("0\r\n\r\n");

    public Task RawAsync(string text) => socket.SendAsync(Encoding.UTF8.GetBytes(text));

    /// <summary>Breaks the connection.</summary>
    public void Break() => socket.Reset();

    /// <summary>Ends the stream in the middle of whatever it is in.</summary>
    public void CloseSending() => socket.CloseSending();
}
