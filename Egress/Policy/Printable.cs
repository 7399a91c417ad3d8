namespace AgentKernel.Egress.Policy;

/// <summary>Foreign text for a log line or an answer: bounded, and in visible ASCII.</summary>
internal static class Printable
{
    private const int Limit = 120;

    public static string Of(string text) =>
        string.Concat(text.Take(Limit).Select(c => c is > ' ' and < '\x7f' ? c : '?')) + (text.Length > Limit ? "..." : "");
}
