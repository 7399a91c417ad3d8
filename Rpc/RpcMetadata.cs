using System.Collections;

namespace AgentKernel.Rpc;

/// <summary>
/// Metadata of a call: what travels beside the messages. Keys are lower-case ASCII; a key that ends in <c>-bin</c>
/// holds bytes (base64 on the wire, without padding), any other holds printable ASCII. Keys can repeat. Enumerating
/// yields the entries as they stand on the wire.
/// </summary>
/// <remarks>Source: "Custom-Metadata" of gRPC over HTTP2; Connect has the same rules.</remarks>
public sealed class RpcMetadata : IEnumerable<KeyValuePair<string, string>>
{
    private const string BinarySuffix = "-bin";
    private readonly List<KeyValuePair<string, string>> _entries = [];

    /// <summary>Adds a text entry.</summary>
    /// <exception cref="ArgumentException">The key or the value cannot stand on the wire; the message says why.</exception>
    public void Add(string key, string value)
    {
        CheckKey(key);
        if (IsBinary(key))
            throw new ArgumentException($"Metadata '{key}' holds bytes, because its key ends in -bin.", nameof(key));
        if (value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            throw new ArgumentException($"Metadata '{key}' holds characters outside printable ASCII; use a key that ends in -bin.", nameof(value));
        _entries.Add(new(key, value));
    }

    /// <summary>Adds a binary entry; its key ends in <c>-bin</c>.</summary>
    /// <exception cref="ArgumentException">The key cannot stand on the wire, or does not end in <c>-bin</c>.</exception>
    public void Add(string key, ReadOnlySpan<byte> value)
    {
        CheckKey(key);
        if (!IsBinary(key))
            throw new ArgumentException($"Metadata '{key}' holds text; a key for bytes ends in -bin.", nameof(key));
        _entries.Add(new(key, Convert.ToBase64String(value).TrimEnd('=')));
    }

    /// <summary>The first value under the key as it stands on the wire, or null when there is none.</summary>
    public string? GetText(string key)
    {
        foreach (var entry in _entries)
        {
            if (entry.Key.Equals(key, StringComparison.OrdinalIgnoreCase))
                return entry.Value;
        }
        return null;
    }

    /// <summary>The first value under a <c>-bin</c> key, or null when there is none.</summary>
    /// <exception cref="RpcException">InvalidArgument: the value is not base64.</exception>
    public byte[]? GetBytes(string key)
    {
        if (GetText(key) is not { } text)
            return null;
        try
        {
            return Convert.FromBase64String(text.TrimEnd('=').PadRight((text.TrimEnd('=').Length + 3) / 4 * 4, '='));
        }
        catch (FormatException)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"metadata '{key}' is not base64");
        }
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Takes an entry as a peer sent it. Several binary values may share a line, separated by commas.</summary>
    internal void AddFromWire(string key, string? value)
    {
        if (string.IsNullOrEmpty(value) || key.StartsWith(':') || IsReserved(key))
            return;
        key = key.ToLowerInvariant();
        if (!IsBinary(key))
            _entries.Add(new(key, value));
        else
            _entries.AddRange(value.Split(',', StringSplitOptions.TrimEntries).Select(one => new KeyValuePair<string, string>(key, one)));
    }

    private static bool IsBinary(string key) => key.EndsWith(BinarySuffix, StringComparison.OrdinalIgnoreCase);

    private static bool IsReserved(string key) =>
        key.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase)
        || key.StartsWith("connect-", StringComparison.OrdinalIgnoreCase)
        || key.ToLowerInvariant() is "content-type" or "content-length" or "content-encoding" or "te" or "host" or "connection" or "transfer-encoding";

    private static void CheckKey(string key)
    {
        if (key.Length == 0 || !key.All(c => c is >= 'a' and <= 'z' or >= '0' and <= '9' or '-' or '_' or '.'))
            throw new ArgumentException($"Metadata key '{key}' may hold only a-z, 0-9, '-', '_' and '.'.", nameof(key));
        if (IsReserved(key))
            throw new ArgumentException($"Metadata key '{key}' belongs to the protocol.", nameof(key));
    }
}
