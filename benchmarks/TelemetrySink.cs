using System.Net;
using System.Net.Sockets;

namespace AgentKernel.Benchmarks;

/// <summary>A collector that takes all of OTLP over HTTP and throws it away.</summary>
internal sealed class TelemetrySink : IDisposable
{
    private readonly HttpListener _listener = new();

    public TelemetrySink()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Address = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/";
        }

        _listener.Prefixes.Add(Address);
        _listener.Start();
        _ = TakeAsync();
    }

    /// <summary>The variables that send everything here.</summary>
    public Dictionary<string, string> Variables => new() { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = Address, ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf" };

    /// <summary>How many exports have come.</summary>
    public int Exports { get; private set; }

    private string Address { get; }

    public void Dispose() => _listener.Close();

    private async Task TakeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                await context.Request.InputStream.CopyToAsync(Stream.Null);
                context.Response.Close();
                Exports++;
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The benchmark is over.
        }
    }
}
