using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using AgentKernel.AgentGateway.Turns;
using AgentKernel.Contracts.V1;

namespace AgentKernel.AgentGateway.Agents;

/// <summary>The way to one agent: its endpoint, its channel token, its connections, and the turn that it runs.</summary>
[SuppressMessage("Design", "CA1001", Justification = "End lets go of all of it. The source has neither timer nor link, and is looked at after the end.")]
internal sealed class AgentConnection
{
    private readonly string _endpoint;
    private readonly string _channelToken;
    private readonly CancellationTokenSource _ended = new();
    private readonly Uri _base;
    private RunningTurn? _turn;

    private AgentConnection(string agentId, byte[] nonceHash, ResolveAgentResponse answer, int watch)
    {
        (AgentId, NonceHash, Revision, Watch) = (agentId, nonceHash, answer.Agent?.Revision ?? 0, watch);
        (Name, AgentType) = (answer.Agent?.Name ?? "", answer.Agent?.AgentType ?? "");
        (_endpoint, _channelToken) = (EndpointOf(answer), answer.ChannelToken);
        if (answer.EndpointCase == ResolveAgentResponse.EndpointOneofCase.None)
        {
            throw new ArgumentException("neither unix_socket nor http is set", nameof(answer));
        }

        _base = answer.EndpointCase == ResolveAgentResponse.EndpointOneofCase.Http ? new(answer.Http) : new("http://localhost");
        if (_base.Scheme != "http")
        {
            throw new UriFormatException($"'{_base.Scheme}' is not http");
        }

        TurnUri = new(_base, "/v1/turn");
        Authorization = $"Bearer {_channelToken}";
        TurnPrefix = Encoding.UTF8.GetBytes(
            $$"""{"agent_id":"{{JsonEncodedText.Encode(agentId)}}","nonce":"{{JsonEncodedText.Encode(_channelToken)}}","body":""");
        Http = new(Handler(answer), disposeHandler: true);
    }

    public string AgentId { get; }

    public string Name { get; }

    public string AgentType { get; }

    /// <summary>The SHA-256 of the nonce: all that is kept of it. To be compared in constant time.</summary>
    public byte[] NonceHash { get; }

    /// <summary>The revision of the agent's record when it was looked up.</summary>
    public long Revision { get; }

    /// <summary>The watch under which this was looked up; owned by the directory's lock.</summary>
    public int Watch { get; set; }

    public HttpMessageInvoker Http { get; }

    public Uri TurnUri { get; }

    /// <summary>The value of the header that the agent asks for.</summary>
    public string Authorization { get; }

    /// <summary>The envelope of a turn up to the value of <c>body</c>.</summary>
    public byte[] TurnPrefix { get; }

    /// <summary>Fires when the agent has ended.</summary>
    public CancellationToken Ended => _ended.Token;

    public RunningTurn? RunningTurn => Volatile.Read(ref _turn);

    /// <exception cref="ArgumentException">The endpoint is no endpoint.</exception>
    /// <exception cref="UriFormatException">The endpoint is no endpoint.</exception>
    public static AgentConnection Create(string agentId, byte[] nonceHash, ResolveAgentResponse answer, int watch) =>
        new(agentId, nonceHash, answer, watch);

    public Uri UriOf(string path) => new(_base, path);

    public bool IsSameAs(ResolveAgentResponse answer) => _endpoint == EndpointOf(answer) && _channelToken == answer.ChannelToken;

    /// <summary>Makes this the agent's running turn, unless there is one.</summary>
    public bool TryBegin(RunningTurn turn) => Interlocked.CompareExchange(ref _turn, turn, null) is null;

    /// <summary>Makes room for the next turn.</summary>
    public void Release(RunningTurn turn) => Interlocked.CompareExchange(ref _turn, null, turn);

    /// <summary>The agent has ended, or is elsewhere now: ends its turn and its calls, and closes its connections.</summary>
    public void End()
    {
        // Before the turn is looked at: one that begins in between sees it.
        _ended.Cancel();
        RunningTurn?.Stop(TurnEnding.AgentEnded);
        Http.Dispose();
    }

    private static string EndpointOf(ResolveAgentResponse answer) => answer.EndpointCase switch
    {
        ResolveAgentResponse.EndpointOneofCase.UnixSocket => "unix:" + answer.UnixSocket,
        ResolveAgentResponse.EndpointOneofCase.Http => answer.Http,
        _ => "none",
    };

    private static SocketsHttpHandler Handler(ResolveAgentResponse answer)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            // Shorter than the 5 s after which uvicorn and Node close an idle connection: a turn sent into a closing one would fail.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(4),
            // A response that is not wanted any more closes its connection at once, which is how the agent learns of it.
            MaxResponseDrainSize = 0,
        };
        if (answer.EndpointCase == ResolveAgentResponse.EndpointOneofCase.UnixSocket)
        {
            var endpoint = new UnixDomainSocketEndPoint(answer.UnixSocket);
            handler.ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(endpoint, cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            };
        }

        return handler;
    }
}
