using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>An HTTP server on loopback that keeps what it was asked, and answers in pieces.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<IAsyncEnumerable<string>> _answer;
    private readonly Task _serving;

    /// <param name="answer">The pieces of each answer, sent as they come; null: <c>reached</c>.</param>
    public LoopbackServer(Func<IAsyncEnumerable<string>>? answer = null)
    {
        _answer = answer ?? Reached;
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>With the port.</summary>
    public string Address => $"127.0.0.1:{Port}";

    /// <summary>The heads of all requests.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _serving;
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task ServeAsync()
    {
        var served = new List<Task>();
        try
        {
            while (true)
            {
                served.Add(AnswerAsync(await _listener.AcceptTcpClientAsync(_end.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(served);
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await using var stream = client.GetStream();
                using var reader = new StreamReader(stream, Encoding.ASCII);
                var head = new StringBuilder();
                while (await reader.ReadLineAsync(_end.Token) is { Length: > 0 } line)
                {
                    head.Append(line).Append('\n');
                }

                Requests.Enqueue(head.ToString());
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"u8.ToArray(), _end.Token);
                await foreach (var piece in _answer().WithCancellation(_end.Token))
                {
                    await stream.WriteAsync(Encoding.UTF8.GetBytes(piece), _end.Token);
                }
            }
            catch (Exception exception) when (exception is IOException or OperationCanceledException)
            {
                // The client is gone, or the test is over.
            }
        }
    }

    private static async IAsyncEnumerable<string> Reached()
    {
        await Task.CompletedTask;
        yield return "reached";
    }
}
