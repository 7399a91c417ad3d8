using System.Net;
using System.Net.Http.Headers;

namespace AgentKernel.AgentGateway.Turns;

/// <summary>The envelope of a turn for the agent: the channel token in the nonce's place, the body as it came.</summary>
internal sealed class TurnContent : HttpContent
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private static readonly ReadOnlyMemory<byte> End = "}"u8.ToArray();

    private readonly ReadOnlyMemory<byte> _prefix;
    private readonly ReadOnlyMemory<byte> _body;

    public TurnContent(ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> body)
    {
        (_prefix, _body) = (prefix, body);
        Headers.ContentType = Json;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // Collected by the connection's own buffer and sent with the headers where they fit.
        await stream.WriteAsync(_prefix, cancellationToken);
        await stream.WriteAsync(_body, cancellationToken);
        await stream.WriteAsync(End, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _prefix.Length + _body.Length + End.Length;
        return true;
    }
}
