using System.Net;
using System.Net.Sockets;

namespace AgentKernel.Benchmarks;

/// <summary>etcd (Debian's etcd-server), one member, as it comes: every put is on the disk when it is acknowledged.</summary>
internal sealed class EtcdProcess : IAsyncDisposable
{
    private readonly BenchedProcess _process;

    private EtcdProcess(BenchedProcess process, Uri grpc) => (_process, Grpc) = (process, grpc);

    public Uri Grpc { get; }

    public static async Task<EtcdProcess> StartAsync(string folder)
    {
        var (clients, peers) = (FreeAddress(), FreeAddress());
        var process = await BenchedProcess.StartAsync(
            "etcd",
            [
                "--data-dir", folder, "--log-level", "info", "--listen-client-urls", clients, "--advertise-client-urls", clients,
                "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", $"default={peers}",
            ],
            "ready to serve client requests");
        return new(process, new Uri(clients));
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static string FreeAddress()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
    }
}
