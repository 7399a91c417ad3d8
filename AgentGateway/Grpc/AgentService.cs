using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using AgentKernel.AgentGateway.Agents;
using AgentKernel.AgentGateway.Turns;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Grpc;

/// <summary>The RPCs of AgentService: the same turns and calls as over HTTP, as messages.</summary>
internal sealed class AgentService(TurnOpener turns, AgentCalls calls, AgentGatewayOptions options)
{
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public async IAsyncEnumerable<TurnResponse> TurnAsync(TurnRequest request, RpcContext context)
    {
        var body = BodyOf(request);
        await using var stream = await turns.OpenAsync(IdOf(request.AgentId), request.Nonce, body, context.CancellationToken);
        var responses = new Queue<TurnResponse>();
        var readable = true;
        while (await stream.ReadAsync() is { IsEmpty: false } events)
        {
            readable = TurnEvents.TryRead(events.Span, responses);
            while (responses.TryDequeue(out var response))
            {
                yield return response;
            }

            if (!readable)
            {
                stream.Turn.Stop(TurnEnding.BadEvent);
                break;
            }
        }

        await stream.DisposeAsync();
        var ending = readable ? stream.Turn.Ending : TurnEnding.BadEvent;
        if (ending is not (TurnEnding.Done or TurnEnding.CallerGone))
        {
            yield return TurnEvents.OfFailure(ending.ToException(options));
            yield return new() { Done = true };
        }
    }

    public async Task<CancelTurnResponse> CancelTurnAsync(CancelTurnRequest request, RpcContext context) =>
        new() { Cancelled = await turns.CancelAsync(IdOf(request.AgentId), request.Nonce, context.CancellationToken) };

    public async Task<ControlResponse> ControlAsync(ControlRequest request, RpcContext context)
    {
        var payload = ControlPayload.ToJson(request.Payload);
        return new() { Payload = ControlPayload.FromJson(await calls.ControlAsync(IdOf(request.AgentId), request.Nonce, payload, context.CancellationToken)) };
    }

    public async Task<GetHistoryResponse> GetHistoryAsync(GetHistoryRequest request, RpcContext context)
    {
        if (request.HasLastN && request.LastN < 0)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, $"last_n must be a whole number from 0 to {int.MaxValue}");
        }

        return History.FromJson(
            await calls.HistoryAsync(IdOf(request.AgentId), request.Nonce, request.HasLastN ? request.LastN : null, context.CancellationToken));
    }

    public async Task<GetInfoResponse> GetInfoAsync(GetInfoRequest request, RpcContext context) =>
        new() { Info = AgentJson.ToStruct(await calls.InfoAsync(IdOf(request.AgentId), request.Nonce, context.CancellationToken)) };

    private static string IdOf(string agentId) =>
        agentId.Length > 0 ? agentId : throw new RpcException(RpcStatusCode.InvalidArgument, "agent_id must be set");

    // As a JSON string, which is what the agent takes.
    private ReadOnlyMemory<byte> BodyOf(TurnRequest request)
    {
        if (request.Body.Length > options.MaxRequestBytes)
        {
            throw new RpcException(RpcStatusCode.ResourceExhausted, $"body is larger than the limit of {options.MaxRequestBytes} bytes");
        }

        if (!Utf8.IsValid(request.Body.Span))
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "body is not valid UTF-8");
        }

        var buffer = new ArrayBufferWriter<byte>(request.Body.Length + 256);
        using var json = new Utf8JsonWriter(buffer, Relaxed);
        json.WriteStringValue(request.Body.Span);
        json.Flush();
        return buffer.WrittenMemory;
    }
}
