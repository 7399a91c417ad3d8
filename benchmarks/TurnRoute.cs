using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using AgentKernel.Client;

namespace AgentKernel.Benchmarks;

/// <summary>One way to take a turn with an agent: directly at its socket, through the gateway, or through nginx.</summary>
internal sealed class TurnRoute : IDisposable
{
    private readonly HttpMessageInvoker _http;
    private readonly Uri _address;
    private readonly string _agentId;
    private readonly string _nonce;

    private TurnRoute(string? unixSocket, Uri address, string agentId, string nonce)
    {
        (_address, _agentId, _nonce) = (new Uri(address, "v1/turn"), agentId, nonce);
        _http = new(new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (context, cancellationToken) =>
            {
                var socket = unixSocket is null ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true } : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await (unixSocket is null ? socket.ConnectAsync(context.DnsEndPoint, cancellationToken) : socket.ConnectAsync(new UnixDomainSocketEndPoint(unixSocket), cancellationToken));
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
    }

    public static TurnRoute Direct(KernelProcess kernel, OwnedAgent agent)
    {
        var (socket, token) = ConfigOf(kernel, agent);
        return new(socket, new Uri("http://agent/"), agent.Id, token);
    }

    public static TurnRoute Gateway(KernelProcess kernel, OwnedAgent agent) => new(null, kernel.Http, agent.Id, agent.Nonce);

    public static TurnRoute Nginx(NginxProcess nginx, KernelProcess kernel, OwnedAgent agent) =>
        new(null, nginx.AddressOf(agent), agent.Id, ConfigOf(kernel, agent).Token);

    /// <summary>Where an agent listens and what it asks for, as its config file says.</summary>
    public static (string Socket, string Token) ConfigOf(KernelProcess kernel, OwnedAgent agent)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(kernel.Home, "agents", agent.Id, "config.json")))!;
        return ((string)config["unix_socket"]!, (string)config["nonce"]!);
    }

    /// <summary>Takes a turn and tells of each event as it arrives.</summary>
    /// <returns>How many events there were.</returns>
    public async Task<int> TakeAsync(string message, Action onEvent)
    {
        var body = new JsonObject { ["agent_id"] = _agentId, ["nonce"] = _nonce, ["body"] = message };
        using var request = new HttpRequestMessage(HttpMethod.Post, _address) { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
        using var response = await _http.SendAsync(request, default);
        response.EnsureSuccessStatusCode();
        await using var stream = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[64 * 1024];
        var (events, previous) = (0, (byte)0);
        int read;
        while ((read = await stream.ReadAsync(buffer)) > 0)
        {
            for (var i = 0; i < read; i++)
            {
                if (buffer[i] == '\n' && previous == '\n')
                {
                    events++;
                    onEvent();
                }

                previous = buffer[i];
            }
        }

        return events;
    }

    public void Dispose() => _http.Dispose();
}
