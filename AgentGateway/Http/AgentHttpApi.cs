using AgentKernel.AgentGateway.Agents;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Http;

/// <summary>History, control and info over HTTP: the agent's JSON is passed on as it came.</summary>
internal sealed partial class AgentHttpApi(AgentCalls calls, AgentGatewayOptions options, ILogger<AgentHttpApi> logger)
{
    public Task HistoryAsync(HttpContext http) =>
        AnswerAsync(http, Envelope.OfHistory, (agent, nonce) => calls.HistoryAsync(agent.AgentId, nonce, agent.LastN, http.RequestAborted));

    public Task ControlAsync(HttpContext http) =>
        AnswerAsync(http, Envelope.OfControl, (agent, nonce) => calls.ControlAsync(agent.AgentId, nonce, agent.Content, http.RequestAborted));

    public Task InfoAsync(HttpContext http) =>
        AnswerAsync(http, Envelope.Of, (agent, nonce) => calls.InfoAsync(agent.AgentId, nonce, http.RequestAborted));

    public async Task InfoByQueryAsync(HttpContext http)
    {
        var failure = await HttpErrors.GuardAsync(http, async () =>
        {
            var agentId = http.Request.Query["agent_id"] is [{ Length: > 0 } id]
                ? id
                : throw new RpcException(RpcStatusCode.InvalidArgument, "agent_id must be set, once, in the query");
            await WriteAsync(http, await calls.InfoAsync(agentId, PresentedNonce.Of(http, null), http.RequestAborted));
        });
        LogIf(failure, http.Request.Path);
    }

    private async Task AnswerAsync(HttpContext http, Func<ReadOnlyMemory<byte>, Envelope> read, Func<Envelope, string?, Task<byte[]>> call)
    {
        var failure = await HttpErrors.GuardAsync(http, async () =>
        {
            // Not given back to the pool when the call fails: what was sending it may not have let go yet.
            var body = await RequestBody.ReadAsync(http, options.MaxRequestBytes);
            var envelope = read(body.Bytes);
            var answer = await call(envelope, PresentedNonce.Of(http, envelope.Nonce));
            body.Dispose();
            await WriteAsync(http, answer);
        });
        LogIf(failure, http.Request.Path);
    }

    private static async Task WriteAsync(HttpContext http, byte[] json)
    {
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = json.Length;
        await http.Response.BodyWriter.WriteAsync(json, http.RequestAborted);
    }

    private void LogIf(Exception? failure, string path)
    {
        if (failure is not null)
        {
            LogFailure(failure, path);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path} failed; the caller was told 'internal error'.")]
    private partial void LogFailure(Exception exception, string path);
}
