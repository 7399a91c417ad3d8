using System.Net;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>A request to a registry, which may be made more than once.</summary>
/// <param name="Scope">What the token for it must allow, as the token authentication writes it.</param>
/// <param name="What">What it is for, after "could not": it stands in error messages.</param>
/// <param name="Answers">The statuses that are no failure.</param>
internal sealed record RegistryRequest(HttpMethod Method, Uri Address, string Scope, string What, params HttpStatusCode[] Answers)
{
    /// <summary>Makes the body; it restarts the timer while it is being sent.</summary>
    public Func<IdleTimer, HttpContent>? Content { get; init; }

    public IReadOnlyList<string> Accept { get; init; } = [];

    /// <summary>Asks for the bytes from here on.</summary>
    public long Offset { get; init; }

    /// <summary>A failure in the middle may be followed by the same request again. Otherwise only a refusal is.</summary>
    public bool Repeatable { get; init; } = true;

    public HttpRequestMessage Message(IdleTimer timer)
    {
        var message = new HttpRequestMessage(Method, Address) { Content = Content?.Invoke(timer) };
        foreach (var type in Accept)
        {
            message.Headers.Accept.ParseAdd(type);
        }

        if (Offset > 0)
        {
            message.Headers.Range = new(Offset, null);
        }

        return message;
    }
}
