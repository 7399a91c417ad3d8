using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace AgentKernel.ServiceDefaults.Access;

/// <summary>Makes and compares the bearer secrets of the system: 32 random bytes, base64url.</summary>
public static class SecretToken
{
    /// <summary>A new secret of 43 characters.</summary>
    public static string Create() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>The SHA-256 of a secret: what may be kept of one that only its owner should know.</summary>
    public static byte[] Hash(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    /// <summary>Whether <paramref name="presented"/> has this hash, in time that does not depend on how much of it is right.</summary>
    public static bool Matches(ReadOnlySpan<byte> expectedHash, string? presented) =>
        !string.IsNullOrEmpty(presented) && CryptographicOperations.FixedTimeEquals(expectedHash, Hash(presented));
}
