using System.Diagnostics;
using AgentKernel.AgentGateway.Agents;
using AgentKernel.Rpc;

namespace AgentKernel.AgentGateway.Turns;

/// <summary>Begins turns: finds the agent, takes its one place for a turn, sends the request and looks at what comes back.</summary>
internal sealed partial class TurnOpener(
    AgentDirectory agents, RunningTurns turns, AgentGatewayOptions options, TimeProvider time, ILogger<TurnOpener> logger)
{
    private static readonly TimeSpan CancelPatience = TimeSpan.FromSeconds(5);

    /// <summary>Begins a turn. It runs until the stream is disposed, and is stopped when <paramref name="callerGone"/> fires.</summary>
    /// <param name="agentId">Which agent.</param>
    /// <param name="nonce">Its nonce, as presented.</param>
    /// <param name="body">A JSON string, as it is to be sent to the agent.</param>
    /// <param name="callerGone">Nobody is there to read the answer.</param>
    /// <exception cref="RpcException">The turn did not begin; nothing is left of it.</exception>
    public async Task<AgentEventStream> OpenAsync(string agentId, string? nonce, ReadOnlyMemory<byte> body, CancellationToken callerGone)
    {
        var agent = await agents.FindAsync(agentId, nonce, callerGone);
        var turn = await turns.BeginAsync(agent, callerGone);
        Activity.Current = turn.Span ?? Activity.Current; // what the agent is sent continues it
        var registration = callerGone.UnsafeRegister(static turn => OnCallerGone((RunningTurn)turn!), turn);
        try
        {
            var response = await SendAsync(agent, turn, body);
            var stream = await response.Content.ReadAsStreamAsync(turn.Stopped);
            return new(turns, turn, time, response, stream, registration, options.MaxRequestBytes);
        }
        catch
        {
            turn.End(TurnEnding.Refused);
            await registration.DisposeAsync();
            turns.Release(turn);
            throw;
        }
    }

    /// <summary>Stops the running turn, and returns when the next one can begin.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="RpcException">The caller does not own the agent.</exception>
    public async Task<bool> CancelAsync(string agentId, string? nonce, CancellationToken cancellationToken)
    {
        var agent = await agents.FindAsync(agentId, nonce, cancellationToken);
        if (agent.RunningTurn is not { } turn || !turn.Stop(TurnEnding.Cancelled))
        {
            return false;
        }

        await turn.Released.WaitAsync(CancelPatience, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return true;
    }

    // After its last event the turn is over for its caller, and the agent may close the stream in peace.
    private static void OnCallerGone(RunningTurn turn) => turn.Stop(TurnEnding.CallerGone);

    private async Task<HttpResponseMessage> SendAsync(AgentConnection agent, RunningTurn turn, ReadOnlyMemory<byte> body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, agent.TurnUri) { Content = new TurnContent(agent.TurnPrefix, body) };
        HttpResponseMessage? response = null;
        try
        {
            response = await agent.Http.SendAsync(request, turn.Stopped);
            if (AgentAnswers.IsEventStream(response))
            {
                return response;
            }

            throw await RefusalAsync(agent, response, turn.Stopped);
        }
        catch (Exception e) when (turn.Stopped.IsCancellationRequested && e is (OperationCanceledException or HttpRequestException or IOException or ObjectDisposedException))
        {
            response?.Dispose();
            throw turn.Ending.ToException(options);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException)
        {
            response?.Dispose();
            LogUnreachable(agent.AgentId, e.Message);
            throw AgentAnswers.Unreachable(agent, e, "an event stream");
        }
        catch
        {
            response?.Dispose();
            throw;
        }
    }

    private async Task<RpcException> RefusalAsync(AgentConnection agent, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var refusal = await AgentAnswers.RefusalAsync(response, "an event stream (200, text/event-stream)", cancellationToken);
        if (AgentAnswers.IsDisagreement(response))
        {
            // The kernel and the agent know different tokens: what is known here may be of an agent that is gone.
            LogDisagreement(agent.AgentId, (int)response.StatusCode);
            agents.Distrust(agent);
        }

        return refusal;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Agent {AgentId} cannot be reached for a turn: {Reason}")]
    private partial void LogUnreachable(string agentId, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Agent {AgentId} answered {Status} to the kernel's own token.")]
    private partial void LogDisagreement(string agentId, int status);
}
