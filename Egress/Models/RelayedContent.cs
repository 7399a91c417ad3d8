using System.Net;

namespace AgentKernel.Egress.Models;

/// <summary>The body of a request on its way through: every piece goes on as it comes. It can be sent once.</summary>
/// <param name="length">In bytes, when the agent has said so.</param>
/// <param name="moved">Called for every piece.</param>
internal sealed class RelayedContent(Stream body, long? length, Action moved) : HttpContent
{
    private bool _sent;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (_sent)
        {
            throw new HttpRequestException("the connection ended while the request was on its way, and it cannot be sent twice");
        }

        _sent = true;
        await PieceByPiece.CopyAsync(body, stream, moved, cancellationToken);
    }

    protected override bool TryComputeLength(out long computed)
    {
        computed = length ?? 0;
        return length is not null;
    }
}
