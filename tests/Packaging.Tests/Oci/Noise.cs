namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>Bytes that do not compress, the same ones for the same seed.</summary>
internal static class Noise
{
    public static byte[] Bytes(int length, int seed)
    {
        var bytes = new byte[length];
#pragma warning disable CA5394 // Nothing secret is made of them, and they are to come again.
        new Random(seed).NextBytes(bytes);
#pragma warning restore CA5394
        return bytes;
    }
}
