using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace AgentKernel.Egress.Policy;

/// <summary>Where a request wants to go: a name or an address, and a port.</summary>
/// <param name="Name">In lower case and without a dot at its end; null when an address was asked for.</param>
/// <param name="Address">Null when a name was asked for.</param>
internal sealed record Destination(string? Name, IPAddress? Address, int Port)
{
    /// <summary>The host as it stands in a URL or a <c>Host</c> header.</summary>
    public string Host => Name ?? (Address!.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Address}]" : Address.ToString()); // one of the two is there

    /// <param name="problem">What is wrong, without the text itself.</param>
    public static bool TryParse(string authority, int? defaultPort, [NotNullWhen(true)] out Destination? destination, [NotNullWhen(false)] out string? problem)
    {
        destination = null;
        if (!HostSyntax.TrySplit(authority, out var host, out var port, out problem) || !HostSyntax.TryReadHost(host, out var address, out var name, out problem))
        {
            problem ??= "it is malformed";
            return false;
        }

        if ((port ?? defaultPort) is not { } known)
        {
            problem = "a port is missing";
            return false;
        }

        destination = new(name, address, known);
        problem = null;
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");
}
