using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace AgentKernel.Rpc.Server;

/// <summary>Names calls on the web server's span, and counts those that were refused.</summary>
internal static class RpcTelemetry
{
    private static readonly Meter Meter = new("AgentKernel.Rpc");
    private static readonly Counter<long> Refusals = Meter.CreateCounter<long>("agentkernel.refusals", "{call}", "Calls that ended with an error status, by reason.");

    public static void Began(string method)
    {
        if (Activity.Current is { IsAllDataRequested: true } span)
        {
            span.DisplayName = method[1..];
            span.SetTag("rpc.method", method[1..]);
        }
    }

    // The span is the web server's; the handler may have one of its own by now.
    public static void Ended(Activity? span, string method, RpcStatusCode status)
    {
        var name = ConnectNameOf(status);
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag("rpc.response.status_code", name);
        }

        if (status is not (RpcStatusCode.Ok or RpcStatusCode.Cancelled) && Refusals.Enabled)
        {
            Refusals.Add(1, new("agentkernel.refusal.reason", name), new("rpc.method", method[1..]));
        }
    }

    private static string ConnectNameOf(RpcStatusCode status) => status == RpcStatusCode.Ok ? "ok" : Connect.ConnectStatus.NameOf(status);
}
