using System.Net.Http.Headers;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Agents;

/// <summary>Calls of an agent beside turns: one request, one JSON answer.</summary>
internal sealed partial class AgentCalls(
    AgentDirectory agents, AgentGatewayOptions options, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<AgentCalls> logger)
{
    private const string Expected = "a JSON document (200, application/json)";

    /// <summary>The largest answer that is passed on.</summary>
    private const int MaxAnswerBytes = 64 * 1024 * 1024;

    /// <summary>How long an agent may take to tell what it knows. An operation of its own may take as long as a turn may be silent.</summary>
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(30);

    private static readonly MediaTypeHeaderValue Json = new("application/json");

    /// <summary>The conversation; <paramref name="lastN"/> null: all of it.</summary>
    public Task<byte[]> HistoryAsync(string agentId, string? nonce, int? lastN, CancellationToken cancellationToken) =>
        CallAsync(agentId, nonce, HttpMethod.Post, "/v1/history", lastN is null ? "{}"u8.ToArray() : System.Text.Encoding.ASCII.GetBytes($$"""{"last_n":{{lastN}}}"""), ReadTimeout, cancellationToken);

    /// <summary>An operation of the agent type's own.</summary>
    public Task<byte[]> ControlAsync(string agentId, string? nonce, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken) =>
        CallAsync(agentId, nonce, HttpMethod.Post, "/v1/control", payload, options.TurnIdleTimeout, cancellationToken);

    /// <summary>What the agent tells of itself.</summary>
    public Task<byte[]> InfoAsync(string agentId, string? nonce, CancellationToken cancellationToken) =>
        CallAsync(agentId, nonce, HttpMethod.Get, "/v1/info", null, ReadTimeout, cancellationToken);

    private async Task<byte[]> CallAsync(
        string agentId, string? nonce, HttpMethod method, string path, ReadOnlyMemory<byte>? body, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var agent = await agents.FindAsync(agentId, nonce, cancellationToken);
        using var late = new CancellationTokenSource(timeout, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token, agent.Ended, lifetime.ApplicationStopping);
        try
        {
            using var request = new HttpRequestMessage(method, agent.UriOf(path));
            request.Headers.TryAddWithoutValidation("Authorization", agent.Authorization);
            if (body is { } content)
            {
                request.Content = new ReadOnlyMemoryContent(content) { Headers = { ContentType = Json } };
            }

            using var response = await agent.Http.SendAsync(request, stop.Token);
            if (!AgentAnswers.IsJson(response))
            {
                throw await RefusalAsync(agent, response, stop.Token);
            }

            return await ReadAsync(response, stop.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw lifetime.ApplicationStopping.IsCancellationRequested ? new RpcException(RpcStatusCode.Unavailable, "the kernel is shutting down")
                : agent.Ended.IsCancellationRequested ? new RpcException(RpcStatusCode.FailedPrecondition, "the agent ended before it answered; its record says why")
                : new RpcException(RpcStatusCode.DeadlineExceeded, $"the agent did not answer within {timeout.TotalSeconds:0.###} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException)
        {
            LogUnreachable(agentId, path, e.Message);
            throw AgentAnswers.Unreachable(agent, e, Expected);
        }
    }

    private async Task<RpcException> RefusalAsync(AgentConnection agent, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (AgentAnswers.IsDisagreement(response))
        {
            LogDisagreement(agent.AgentId, (int)response.StatusCode);
            agents.Distrust(agent);
        }

        return await AgentAnswers.RefusalAsync(response, Expected, cancellationToken);
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var answer = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await stream.ReadAsync(buffer, cancellationToken) is var read and > 0)
        {
            if (answer.Length + read > MaxAnswerBytes)
            {
                throw new RpcException(RpcStatusCode.Unavailable, $"the agent's answer is larger than {MaxAnswerBytes} bytes");
            }

            answer.Write(buffer, 0, read);
        }

        return answer.ToArray();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Agent {AgentId} cannot be reached for {Path}: {Reason}")]
    private partial void LogUnreachable(string agentId, string path, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Agent {AgentId} answered {Status} to the kernel's own token.")]
    private partial void LogDisagreement(string agentId, int status);
}
