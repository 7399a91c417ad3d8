using System.Security.Cryptography;
using System.Text;

namespace AgentKernel.AgentGateway.Agents;

/// <summary>The SHA-256 of a nonce: all that is kept of one. Equal only by <see cref="Matches"/>, in constant time.</summary>
internal sealed class NonceHash
{
    private readonly byte[] _hash;

    private NonceHash(byte[] hash) => _hash = hash;

    public static NonceHash Of(string nonce) => new(SHA256.HashData(Encoding.UTF8.GetBytes(nonce)));

    public bool Matches(NonceHash other) => CryptographicOperations.FixedTimeEquals(_hash, other._hash);

    public override string ToString() => Convert.ToHexString(_hash);
}
