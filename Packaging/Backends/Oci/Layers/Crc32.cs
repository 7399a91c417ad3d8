namespace AgentKernel.Packaging.Backends.Oci.Layers;

/// <summary>
/// Joins the CRC-32 of two pieces to that of both together, without their bytes: appending n bytes multiplies by x^8n in the
/// field of the polynomial (Mark Adler's crc32_combine describes the method).
/// </summary>
internal static class Crc32
{
    private const uint Polynomial = 0xedb88320; // bits reversed: the highest is x^0
    private const uint One = 1u << 31;

    public static uint Join(uint first, uint second, long secondLength) => Multiply(PowerOfBytes(secondLength), first) ^ second;

    private static uint PowerOfBytes(long bytes)
    {
        var power = One;
        var square = One >> 8;
        for (; bytes > 0; bytes >>= 1)
        {
            power = (bytes & 1) != 0 ? Multiply(square, power) : power;
            square = Multiply(square, square);
        }

        return power;
    }

    private static uint Multiply(uint a, uint b)
    {
        var product = 0u;
        for (var bit = One; bit != 0; bit >>= 1)
        {
            product ^= (a & bit) != 0 ? b : 0;
            b = (b & 1) != 0 ? (b >> 1) ^ Polynomial : b >> 1;
        }

        return product;
    }
}
