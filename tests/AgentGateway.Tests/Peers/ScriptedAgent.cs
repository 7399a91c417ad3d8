using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace AgentKernel.AgentGateway.Tests.Peers;

/// <summary>
/// An agent on a bare socket, so that it can break every rule: each request is handed to the test, which answers it
/// byte by byte.
/// </summary>
internal sealed class ScriptedAgent : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly string? _directory;
    private readonly Channel<AgentCall> _calls = Channel.CreateUnbounded<AgentCall>();
    private readonly Lock _gate = new();
    private readonly HashSet<AgentSocket> _open = [];
    private readonly List<(int Count, TaskCompletionSource Done)> _waiting = [];
    private readonly Func<AgentCall, Task>? _answer;
    private readonly Task _accepting;

    private ScriptedAgent(bool unixSocket, Func<AgentCall, Task>? answer)
    {
        _answer = answer;
        if (unixSocket)
        {
            _directory = Directory.CreateTempSubdirectory("gateway-test-").FullName;
            UnixSocket = Path.Combine(_directory, "a.sock");
            _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            _listener.Bind(new UnixDomainSocketEndPoint(UnixSocket));
        }
        else
        {
            _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            Http = new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}");
        }

        _listener.Listen(256);
        _accepting = AcceptAsync();
    }

    public string? UnixSocket { get; }

    public Uri? Http { get; }

    public string ChannelToken { get; } = $"channel-{Guid.NewGuid():N}";

    /// <summary>How many connections were ever made to it.</summary>
    public int Accepted { get; private set; }

    /// <summary>An agent whose calls the test takes with <see cref="CallAsync"/>.</summary>
    public static ScriptedAgent Start(bool unixSocket = true) => new(unixSocket, answer: null);

    /// <summary>An agent that answers by itself.</summary>
    public static ScriptedAgent Start(Func<AgentCall, Task> answer, bool unixSocket = true) => new(unixSocket, answer);

    /// <summary>The next request.</summary>
    public async Task<AgentCall> CallAsync() => await Wait.ForAsync(_calls.Reader.ReadAsync().AsTask(), "a request to the agent");

    /// <summary>Waits until no more than so many connections are open.</summary>
    public Task AtMostOpenAsync(int count)
    {
        lock (_gate)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((count, done));
            Check();
            return Wait.ForAsync(done.Task, $"no more than {count} open connections", () => $"open are {_open.Count}");
        }
    }

    /// <summary>As if the process was killed: nothing listens, and everything that was open is reset.</summary>
    public void Die()
    {
        _listener.Dispose();
        AgentSocket[] all;
        lock (_gate)
        {
            all = [.. _open];
        }

        foreach (var connection in all)
        {
            connection.Reset();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Die();
        await _accepting;
        if (_directory is not null)
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    private async Task AcceptAsync()
    {
        var running = new List<Task>();
        try
        {
            while (true)
            {
                var connection = new AgentSocket(await _listener.AcceptAsync());
                lock (_gate)
                {
                    _open.Add(connection);
                    Accepted++;
                }

                running.Add(ServeAsync(connection));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(running);
        }
    }

    private async Task ServeAsync(AgentSocket connection)
    {
        AgentCall? call = null;
        while (await connection.ReadRequestAsync() is { } next)
        {
            call = next;
            if (_answer is null)
            {
                _calls.Writer.TryWrite(call);
            }
            else
            {
                await _answer(call);
            }
        }

        lock (_gate)
        {
            _open.Remove(connection);
            Check();
        }

        call?.SetClosed();
        connection.Dispose();
    }

    private void Check() => _waiting.RemoveAll(one => _open.Count <= one.Count && one.Done.TrySetResult());
}
