using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using AgentKernel.Client;

namespace AgentKernel.Benchmarks;

/// <summary>nginx (Debian's) as a plain proxy to agents' sockets: one worker, unbuffered, connections kept alive.</summary>
internal sealed class NginxProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _folder;
    private readonly int _port;

    private NginxProcess(Process process, string folder, int port) => (_process, _folder, _port) = (process, folder, port);

    /// <summary>The process that does the work.</summary>
    public int WorkerProcessId => int.Parse(File.ReadAllText($"/proc/{_process.Id}/task/{_process.Id}/children").Split(' ')[0], CultureInfo.InvariantCulture);

    public static async Task<NginxProcess> StartAsync(KernelProcess kernel, IEnumerable<OwnedAgent> agents)
    {
        var folder = Directory.CreateTempSubdirectory("agentkernel-bench-").FullName;
        int port;
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        var (upstreams, locations) = (new StringBuilder(), new StringBuilder());
        foreach (var agent in agents)
        {
            upstreams.Append($"upstream a{agent.Id} {{ server unix:{TurnRoute.ConfigOf(kernel, agent).Socket}; keepalive 4; }}\n");
            locations.Append($"location /{agent.Id}/ {{ proxy_pass http://a{agent.Id}/; }}\n");
        }

        await File.WriteAllTextAsync(Path.Combine(folder, "nginx.conf"), $$"""
            daemon off; worker_processes 1; user root; pid {{folder}}/nginx.pid; error_log {{folder}}/error.log;
            events { worker_connections 1024; }
            http {
              access_log off; keepalive_requests 1000000; server_names_hash_bucket_size 128;
              proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 600s;
              client_body_temp_path {{folder}}; proxy_temp_path {{folder}}; fastcgi_temp_path {{folder}}; uwsgi_temp_path {{folder}}; scgi_temp_path {{folder}};
              {{upstreams}}
              server { listen 127.0.0.1:{{port}}; {{locations}} }
            }
            """);
        var process = Process.Start(new ProcessStartInfo("nginx", ["-c", Path.Combine(folder, "nginx.conf"), "-p", folder]))!;
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var socket = new TcpClient();
                await socket.ConnectAsync(IPAddress.Loopback, port);
                return new(process, folder, port);
            }
            catch (SocketException) when (attempt < 100 && !process.HasExited)
            {
                await Task.Delay(20);
            }
        }
    }

    public Uri AddressOf(OwnedAgent agent) => new($"http://127.0.0.1:{_port}/{agent.Id}/");

    public async ValueTask DisposeAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]))
        {
            await kill.WaitForExitAsync();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
