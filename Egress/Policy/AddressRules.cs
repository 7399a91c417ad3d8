using System.Net;
using System.Net.Sockets;

namespace AgentKernel.Egress.Policy;

/// <summary>
/// Which addresses are not the public internet, by IANA's registries of special-purpose addresses. An address that
/// carries another one (IPv4-mapped, NAT64, 6to4, ISATAP) is judged by what it carries too.
/// </summary>
internal static class AddressRules
{
    private static readonly (IPNetwork Network, string Kind)[] Special =
    [
        .. Parse("a metadata address", "169.254.169.254/32", "168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::254/128", "fd20:ce::254/128"),
        .. Parse("an unspecified address", "0.0.0.0/8", "::/128"),
        .. Parse("a loopback address", "127.0.0.0/8", "::1/128"),
        .. Parse("a private address", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
        .. Parse("a carrier's internal address", "100.64.0.0/10"),
        .. Parse("a link-local address", "169.254.0.0/16", "fe80::/10"),
        .. Parse("a multicast address", "224.0.0.0/4", "ff00::/8"),
        .. Parse("a reserved address",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
            "2001::/23", "2001:db8::/32", "3fff::/20"),
    ];

    private static readonly IPNetwork Global = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork TranslatedPublicly = IPNetwork.Parse("64:ff9b::/96");

    // Where the IPv4 address begins in the bytes of one that carries it.
    private static readonly (IPNetwork Network, int Offset)[] Carriers =
    [
        (IPNetwork.Parse("::ffff:0:0/96"), 12),
        (IPNetwork.Parse("::ffff:0:0:0/96"), 12),
        (TranslatedPublicly, 12),
        (IPNetwork.Parse("2002::/16"), 2),
    ];

    /// <summary>What the address is, as in "a private address"; null when it is an ordinary public one.</summary>
    public static string? KindOf(IPAddress address)
    {
        foreach (var (network, kind) in Special)
        {
            if (network.Contains(address))
            {
                return kind;
            }
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return null;
        }

        if (Carried(address) is { } carried && KindOf(carried) is { } inner)
        {
            return $"{inner} in the form of IPv6";
        }

        return Global.Contains(address) || TranslatedPublicly.Contains(address) || address.IsIPv4MappedToIPv6 ? null : "a reserved address";
    }

    private static IPAddress? Carried(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        foreach (var (network, offset) in Carriers)
        {
            if (network.Contains(address))
            {
                return new(bytes.AsSpan(offset, 4));
            }
        }

        // ISATAP marks the interface's half of the address.
        return bytes is [_, _, _, _, _, _, _, _, 0 or 2, 0, 0x5e, 0xfe, ..] ? new(bytes.AsSpan(12, 4)) : null;
    }

    private static IEnumerable<(IPNetwork, string)> Parse(string kind, params IEnumerable<string> networks) =>
        networks.Select(network => (IPNetwork.Parse(network), kind));
}
