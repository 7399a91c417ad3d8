using System.Globalization;
using AgentKernel.AgentRuntime.Configuration;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>Where an agent's bus is, and what holds on it.</summary>
/// <param name="Url">As it was configured, for people.</param>
/// <param name="BusId"><c>{agent_name}.{agent_uuid}</c>.</param>
/// <param name="Token">What the agent presents there; null where the bus asks for nothing.</param>
/// <param name="DisableSafety">Whether actions are logged only.</param>
internal sealed record BusSettings(string Url, BusPlace Place, string BusId, string? Token, bool DisableSafety)
{
    // The port of a bus whose URL names none.
    private const int DefaultPort = 8095;

    private const string Remote = "remote://";
    private const string Memory = "memory://";
    private const string UnixSocket = "unix://";

    /// <summary>What people are told of it. A bus in the agent's own process guards nothing that the agent does not want guarded.</summary>
    public string Safety => DisableSafety ? "disabled" : Place is InProcessBus ? "advisory" : "enabled";

    // A record prints its members; this one holds a token.
    public override string ToString() => $"{BusId} at {Url}";

    /// <returns>Null where the agent has no bus.</returns>
    /// <exception cref="ConfigException">Running without the bus that was asked for would be running without its safety.</exception>
    public static BusSettings? Read(ConfigKeys kernel)
    {
        var disable = kernel.Flag("disable_safety");
        if (kernel.Text("agentbus_url") is not { } url)
        {
            return null;
        }

        var busId = kernel.Text("agentbus_id") ?? $"{kernel.Text("name") ?? "agent"}.{kernel.RequiredText("agent_id")}";
        return new(url, ReadPlace(url), busId, kernel.Text("agentbus_token"), disable);
    }

    private static BusPlace ReadPlace(string url)
    {
        if (url.StartsWith(Memory, StringComparison.Ordinal))
        {
            return url[Memory.Length..] switch
            {
                "" => new InProcessBus(null),
                var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= 65_535 => new InProcessBus(port),
                _ => throw Wrong(url),
            };
        }

        if (url.StartsWith(UnixSocket + "/", StringComparison.Ordinal))
        {
            return new RemoteBusAddress(new("http://bus"), url[UnixSocket.Length..]);
        }

        var isRemote = url.StartsWith(Remote, StringComparison.Ordinal);
        if (!Uri.TryCreate(isRemote ? $"http://{url[Remote.Length..]}" : url, UriKind.Absolute, out var address)
            || address.Scheme is not ("http" or "https") || address.Host.Length == 0 || address.PathAndQuery != "/" || address.UserInfo.Length > 0)
        {
            throw Wrong(url);
        }

        // "remote://host" has the bus's own port, not that of HTTP.
        return new RemoteBusAddress(isRemote && !url[Remote.Length..].TrimEnd('/').EndsWith($":{address.Port}", StringComparison.Ordinal) ? new UriBuilder(address) { Port = DefaultPort }.Uri : address, null);
    }

    private static ConfigException Wrong(string url) =>
        new($"config key 'agentbus_url' is '{url}'; allowed: memory://, memory://<port>, remote://<host>:<port>, http(s)://<host>:<port>, unix:///<path>");
}

/// <summary>Where a bus is.</summary>
internal abstract record BusPlace;

/// <summary>In this process.</summary>
/// <param name="Port">Where others can read it, on 127.0.0.1; null: nowhere.</param>
internal sealed record InProcessBus(int? Port) : BusPlace;

/// <summary>A bus service.</summary>
/// <param name="SocketPath">A unix socket to connect to; null: what the address says.</param>
internal sealed record RemoteBusAddress(Uri Address, string? SocketPath) : BusPlace;
