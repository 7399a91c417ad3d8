namespace AgentKernel.Rpc.Grpc;

/// <summary>The header <c>grpc-timeout</c>: at most eight digits and a unit.</summary>
/// <remarks>Source: "Timeout" of gRPC over HTTP2.</remarks>
internal static class GrpcTimeout
{
    public const string Header = "grpc-timeout";
    private const int LargestNumber = 99_999_999;

    public static TimeSpan Parse(string text)
    {
        if (text.Length is >= 2 and <= 9 && text.AsSpan(0, text.Length - 1).ContainsAnyExceptInRange('0', '9') is false)
        {
            var number = long.Parse(text.AsSpan(0, text.Length - 1));
            switch (text[^1])
            {
                case 'H': return TimeSpan.FromHours(number);
                case 'M': return TimeSpan.FromMinutes(number);
                case 'S': return TimeSpan.FromSeconds(number);
                case 'm': return TimeSpan.FromMilliseconds(number);
                case 'u': return TimeSpan.FromMicroseconds(number);
                case 'n': return TimeSpan.FromTicks(number / TimeSpan.NanosecondsPerTick);
            }
        }
        throw new RpcException(RpcStatusCode.InvalidArgument, $"{Header} '{text}' is not a timeout: 1 to 8 digits and one of H, M, S, m, u, n");
    }

    /// <summary>Writes the timeout in the finest unit that has room for it; more than three years are cut off.</summary>
    public static string Format(TimeSpan timeout)
    {
        if (timeout.TotalMicroseconds <= LargestNumber)
            return $"{(long)Math.Max(0, timeout.TotalMicroseconds)}u";
        if (timeout.TotalMilliseconds <= LargestNumber)
            return $"{(long)timeout.TotalMilliseconds}m";
        return $"{(long)Math.Min(timeout.TotalSeconds, LargestNumber)}S";
    }
}
