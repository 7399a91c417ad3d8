using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace AgentKernel.Egress.Policy;

/// <summary>
/// What a host and a port may look like. Stricter than any resolver: whatever two programs could read in two ways (octal
/// and hexadecimal IPv4 numbers, zones, user names, characters beyond ASCII) is refused, so that what was checked is what
/// is connected to.
/// </summary>
internal static class HostSyntax
{
    private const int MaxName = 253;
    private const int MaxLabel = 63;

    private static readonly SearchValues<char> Hexadecimal = SearchValues.Create("0123456789abcdefABCDEF");
    private static readonly SearchValues<char> V6Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>Reads <c>host</c>, <c>host:port</c>, <c>[address]</c> or <c>[address]:port</c>.</summary>
    /// <param name="port">Null when none is named.</param>
    /// <param name="problem">What is wrong, without the text itself.</param>
    public static bool TrySplit(string text, out string host, out int? port, out string? problem)
    {
        (host, port, problem) = (text, null, null);
        var end = text.StartsWith('[') ? text.IndexOf(']') + 1 : text.IndexOf(':');
        if (text.StartsWith('[') && end == 0)
        {
            problem = "a bracket is not closed";
            return false;
        }

        if (end < 0 || end == text.Length)
        {
            return true;
        }

        if (text[end] != ':')
        {
            problem = "only a port may follow the address";
            return false;
        }

        host = text[..end];
        var digits = text.AsSpan(end + 1);
        if (digits.Length is 0 or > 5 || digits.ContainsAnyExceptInRange('0', '9') || digits[0] == '0'
            || int.Parse(digits, CultureInfo.InvariantCulture) is var number && number > IPEndPoint.MaxPort)
        {
            problem = "the port is not a number from 1 to 65535";
            return false;
        }

        port = number;
        return true;
    }

    /// <summary>Reads a host: an address in its one usual form (an IPv6 one in brackets), or else a name.</summary>
    /// <param name="address">The address, without a detour over IPv6 when it stands for one of IPv4; null for a name.</param>
    /// <param name="name">The name in lower case, without a dot at its end; null for an address.</param>
    /// <param name="problem">What is wrong, without the text itself.</param>
    public static bool TryReadHost(string text, out IPAddress? address, out string? name, out string? problem)
    {
        (address, name, problem) = (null, null, null);
        if (text.StartsWith('['))
        {
            address = text.EndsWith(']') ? ReadV6(text.AsSpan(1, text.Length - 2)) : null;
            problem = address is null ? "what stands in brackets is not an IPv6 address" : null;
            return address is not null;
        }

        if (ReadV4(text) is { } v4)
        {
            address = v4;
            return true;
        }

        var candidate = text.EndsWith('.') ? text[..^1] : text;
        problem = NameProblem(candidate);
        name = problem is null ? candidate.ToLowerInvariant() : null;
        return problem is null;
    }

    /// <summary>An IPv6 address without brackets; null when it is not one.</summary>
    public static IPAddress? ReadV6(ReadOnlySpan<char> text)
    {
        if (!text.Contains(':') || text.ContainsAnyExcept(V6Characters))
        {
            return null;
        }

        // The dotted end of an address like ::ffff:127.0.0.1 has to be as strict as IPv4 is alone.
        if (text.Contains('.') && ReadV4(text[(text.LastIndexOf(':') + 1)..]) is null)
        {
            return null;
        }

        return IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6 ? Plain(address) : null;
    }

    /// <summary>An IPv4-mapped address as the IPv4 address that a connection to it would reach.</summary>
    public static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static IPAddress? ReadV4(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[4];
        var count = 0;
        foreach (var range in text.Split('.'))
        {
            var part = text[range];
            if (count == 4 || part.Length is 0 or > 3 || part.ContainsAnyExceptInRange('0', '9') || (part.Length > 1 && part[0] == '0')
                || !byte.TryParse(part, CultureInfo.InvariantCulture, out bytes[count]))
            {
                return null;
            }

            count++;
        }

        return count == 4 ? new IPAddress(bytes) : null;
    }

    private static string? NameProblem(string name)
    {
        if (name.Length is 0 or > MaxName)
        {
            return $"a host has 1 to {MaxName} characters";
        }

        var last = "";
        foreach (var label in name.Split('.'))
        {
            if (label.Length is 0 or > MaxLabel)
            {
                return $"a part of a host name has 1 to {MaxLabel} characters";
            }

            if (!label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') || label[0] == '-' || label[^1] == '-')
            {
                return "a host name has letters, digits and inner hyphens, and dots between its parts";
            }

            last = label;
        }

        // As browsers have it: a name whose last part is a number is an IPv4 address in an odd form.
        var hexadecimal = last.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && !last.AsSpan(2).ContainsAnyExcept(Hexadecimal);
        return hexadecimal || last.All(char.IsAsciiDigit) ? "an IPv4 address is four decimal numbers without leading zeros" : null;
    }
}
