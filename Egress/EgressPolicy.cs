using System.Net;
using AgentKernel.Egress.Policy;

namespace AgentKernel.Egress;

/// <summary>
/// What one agent may connect to. Nothing that is not listed; and of addresses that are not public (private, loopback,
/// link-local, metadata and so on) none that is not listed as an address, whatever name leads there.
/// </summary>
public sealed class EgressPolicy
{
    private readonly EgressEntry[] _entries;

    private EgressPolicy(EgressEntry[] entries) => _entries = entries;

    /// <summary>Allows nothing.</summary>
    public static EgressPolicy Nothing { get; } = new([]);

    /// <summary>The entries in their normal form.</summary>
    public IEnumerable<string> Entries => _entries.Select(entry => entry.ToString());

    /// <summary>
    /// Reads what is allowed. An entry is a host (<c>api.example.com</c>), all hosts under a name but not itself
    /// (<c>*.example.com</c>), or an address (<c>10.0.0.7</c>, <c>[2001:db8::1]</c>), each for every port or with
    /// <c>:port</c> for that one.
    /// </summary>
    /// <exception cref="FormatException">An entry is malformed; the message quotes it.</exception>
    public static EgressPolicy Parse(IEnumerable<string> allow) => new([.. allow.Select(EgressEntry.Parse)]);

    /// <summary>Why a connection to this host is refused before its name is resolved; null when it is not.</summary>
    internal EgressRefusal? Judge(Destination destination)
    {
        if (destination.Address is { } address)
        {
            return Lists(address, destination.Port) ? null
                : AddressRules.KindOf(address) is { } kind ? new(EgressRefusalKind.Address, $"{destination.Host} is {kind} and is not listed for this agent")
                : NotListed(destination);
        }

        return Array.Exists(_entries, entry => entry.AllowsName(destination.Name!, destination.Port)) ? null : NotListed(destination); // a name or an address is there
    }

    /// <summary>Why an address that a listed name has resolved to is refused; null when it is not.</summary>
    internal EgressRefusal? Judge(string name, IPAddress address, int port) =>
        Lists(address, port) || AddressRules.KindOf(HostSyntax.Plain(address)) is not { } kind
            ? null : new(EgressRefusalKind.Address, $"{name} resolves to {kind} that is not listed for this agent");

    /// <summary>Whether the address itself is listed.</summary>
    internal bool Lists(IPAddress address, int port)
    {
        var plain = HostSyntax.Plain(address);
        return Array.Exists(_entries, entry => entry.AllowsAddress(plain, port));
    }

    private static EgressRefusal NotListed(Destination destination) =>
        new(EgressRefusalKind.NotListed, $"{Printable.Of(destination.ToString())} is not among the hosts listed for this agent");
}
