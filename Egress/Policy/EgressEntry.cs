using System.Globalization;
using System.Net;

namespace AgentKernel.Egress.Policy;

/// <summary>One thing that is allowed. Exactly one of name, suffix and address is set.</summary>
/// <param name="Name">A host by its name.</param>
/// <param name="Suffix">All hosts under a name: <c>.example.com</c>, with the dot.</param>
/// <param name="Address">A host by its address.</param>
/// <param name="Port">The one port, or null: every port.</param>
internal sealed record EgressEntry(string? Name, string? Suffix, IPAddress? Address, int? Port)
{
    private const string Wildcard = "*.";

    /// <exception cref="FormatException">It is no entry; the message quotes it.</exception>
    public static EgressEntry Parse(string text)
    {
        if (HostSyntax.ReadV6(text) is { } bare)
        {
            return new(null, null, bare, null);
        }

        if (!HostSyntax.TrySplit(text, out var host, out var port, out var problem))
        {
            throw Wrong(text, problem);
        }

        var wildcard = host.StartsWith(Wildcard, StringComparison.Ordinal);
        if (!HostSyntax.TryReadHost(wildcard ? host[Wildcard.Length..] : host, out var address, out var name, out problem))
        {
            throw Wrong(text, host.Contains('/') ? "neither ranges nor URLs can be listed, only a host and a port" : problem);
        }

        if (!wildcard)
        {
            return new(name, null, address, port);
        }

        if (name is null || !name.Contains('.'))
        {
            throw Wrong(text, "a wildcard stands before a name of two parts or more, as in *.example.com");
        }

        return new(null, $".{name}", null, port);
    }

    public bool AllowsName(string name, int port) =>
        (Port ?? port) == port && (Name is not null ? Name == name : Suffix is not null && name.Length > Suffix.Length && name.EndsWith(Suffix, StringComparison.Ordinal));

    public bool AllowsAddress(IPAddress address, int port) => (Port ?? port) == port && Address is not null && Address.Equals(address);

    public override string ToString()
    {
        var host = Name ?? (Suffix is not null ? $"*{Suffix}" : new Destination(null, Address, 0).Host);
        return Port is { } port ? string.Create(CultureInfo.InvariantCulture, $"{host}:{port}") : host;
    }

    private static FormatException Wrong(string text, string? problem) =>
        new($"'{Printable.Of(text)}' cannot be allowed: {problem}; an entry is a host, *.domain or an address, with or without :port");
}
