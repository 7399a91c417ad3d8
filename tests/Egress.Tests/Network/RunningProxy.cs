using System.Net.Sockets;
using System.Text;
using AgentKernel.Egress.Network;

namespace AgentKernel.Egress.Tests.Network;

/// <summary>A proxy on a unix socket with a network that the test writes.</summary>
internal sealed class RunningProxy : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly EgressProxy _proxy;

    public RunningProxy(string[] allow, EgressLimits? limits = null, IEgressNetwork? network = null, Dictionary<string, string>? environment = null)
    {
        SocketPath = _folder.Combine("s");
        _proxy = EgressProxy.Start(
            new(SocketPath), "agent-7", EgressPolicy.Parse(allow), Log, limits ?? new(), network ?? Network,
            UpstreamProxy.FromEnvironment(name => environment?.GetValueOrDefault(name)), TimeProvider.System);
    }

    public string SocketPath { get; }

    public ScriptedNetwork Network { get; } = new();

    public RecordedLog Log { get; } = new();

    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), Patience.Token);
        return socket;
    }

    /// <summary>Sends text as it is, and returns all that comes back until the other side is done.</summary>
    public async Task<string> ExchangeAsync(string request)
    {
        using var socket = await ConnectAsync();
        await socket.SendAsync(Encoding.Latin1.GetBytes(request), Patience.Token);
        return await ReadToEndAsync(socket);
    }

    public static async Task<string> ReadToEndAsync(Socket socket)
    {
        using var reader = new StreamReader(new NetworkStream(socket), Encoding.Latin1);
        return await reader.ReadToEndAsync(Patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _folder.Dispose();
    }
}
