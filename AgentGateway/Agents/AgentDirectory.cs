using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AgentKernel.AgentGateway.Turns;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;

namespace AgentKernel.AgentGateway.Agents;

/// <summary>
/// Knows how to reach the agents whose owners have called. The spawner is asked once for each; afterwards the nonce is
/// compared here, in constant time. What is known is trusted only while the watch on the spawner is up, and only if it
/// was asked for under that same watch: a call outside of it asks again, so that a dead agent is never served from
/// memory. Holds one entry for each living agent that was called.
/// </summary>
internal sealed partial class AgentDirectory(SpawnerLink spawner, ILogger<AgentDirectory> logger) : IDisposable
{
    private const int MaxAgentIdLength = 128;
    private const int MaxNonceLength = 512;
    private const int MaxQuestions = 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, AgentConnection> _agents = [];
    private readonly Dictionary<(string AgentId, string NonceHash), Question> _questions = [];
    private readonly CancellationTokenSource _disposed = new();

    // Counts the watches; 0 is none. An entry carries the number of the watch under which it was asked for.
    private int _watches;
    private int _watch;

    /// <summary>One question to the spawner, shared by all who ask the same at the same time.</summary>
    private sealed class Question
    {
        public required Task<AgentConnection> Answer { get; set; }

        /// <summary>The watch has said that the agent ended, while the answer was on its way.</summary>
        public bool AgentEnded { get; set; }
    }

    /// <summary>Whether the watch on the spawner is up.</summary>
    public bool IsWatched => Volatile.Read(ref _watch) != 0;

    /// <summary>Finds an agent for the holder of its nonce.</summary>
    /// <exception cref="RpcException">
    /// PermissionDenied for a wrong nonce and an unknown agent alike; FailedPrecondition for an ended one; Unavailable
    /// when the spawner has to be asked and cannot be.
    /// </exception>
    public ValueTask<AgentConnection> FindAsync(string agentId, string? nonce, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(nonce) || nonce.Length > MaxNonceLength || agentId.Length > MaxAgentIdLength)
        {
            throw Denied();
        }

        var hash = SecretToken.Hash(nonce);
        var key = (agentId, Convert.ToHexString(hash));
        lock (_gate)
        {
            if (_agents.TryGetValue(agentId, out var agent) && agent.Watch == _watch && _watch != 0)
            {
                return CryptographicOperations.FixedTimeEquals(agent.NonceHash, hash) ? ValueTask.FromResult(agent) : throw Denied();
            }

            ref var question = ref CollectionsMarshal.GetValueRefOrAddDefault(_questions, key, out var asked);
            if (!asked)
            {
                if (_questions.Count > MaxQuestions)
                {
                    _questions.Remove(key);
                    throw new RpcException(RpcStatusCode.Unavailable, "too many agents are being looked up at once; try again");
                }

                question = new() { Answer = null! }; // set in the next statement, before anyone can see it
                question.Answer = AskAsync(agentId, nonce, hash, question, _watch);
            }

            return new(question!.Answer.WaitAsync(cancellationToken));
        }
    }

    /// <summary>A watch has begun, with this snapshot. Forgets who is not in it any more.</summary>
    public void WatchBegan(AgentSnapshot snapshot, long revision)
    {
        var living = snapshot.Agents.Where(agent => !HasEnded(agent)).Select(agent => agent.Id).ToHashSet();
        var ended = snapshot.Agents.Where(HasEnded).Select(agent => agent.Id).ToList();
        List<AgentConnection> gone;
        lock (_gate)
        {
            _watch = ++_watches;
            // One that is newer than the snapshot is not in it yet.
            gone = [.. _agents.Values.Where(agent => !living.Contains(agent.AgentId) && agent.Revision <= revision)];
            gone.ForEach(agent => _agents.Remove(agent.AgentId));
        }

        gone.ForEach(agent => agent.End());
        ended.ForEach(Ended);
    }

    /// <summary>There is no watch now: what is known is not to be trusted. Running turns go on.</summary>
    public void WatchLost()
    {
        lock (_gate)
        {
            _watch = 0;
        }
    }

    /// <summary>The watch says that the agent has changed.</summary>
    public void Changed(Agent agent)
    {
        if (HasEnded(agent))
        {
            Ended(agent.Id);
        }
    }

    /// <summary>The agents that have a turn running.</summary>
    public IReadOnlyList<string> WithRunningTurn()
    {
        lock (_gate)
        {
            return [.. _agents.Values.Where(agent => agent.RunningTurn is not null).Select(agent => agent.AgentId)];
        }
    }

    /// <summary>The agent does not accept what is known about it: the next call asks the spawner again.</summary>
    public void Distrust(AgentConnection agent)
    {
        lock (_gate)
        {
            agent.Watch = 0;
        }
    }

    public void Dispose()
    {
        _disposed.Cancel();
        List<AgentConnection> all;
        lock (_gate)
        {
            all = [.. _agents.Values];
            _agents.Clear();
        }

        all.ForEach(agent => agent.End());
        _disposed.Dispose();
    }

    /// <summary>One answer for everything that a stranger could ask.</summary>
    public static RpcException Denied() =>
        new(RpcStatusCode.PermissionDenied, "agent_id and nonce do not name an agent of yours: there is no such agent, or the nonce is missing or not its own");

    private static RpcException HasEndedError() =>
        new(RpcStatusCode.FailedPrecondition, "the agent has ended; its record says why");

    private static bool HasEnded(Agent agent) => agent.State is AgentState.Stopped or AgentState.Failed;

    private void Ended(string agentId)
    {
        AgentConnection? agent;
        lock (_gate)
        {
            _agents.Remove(agentId, out agent);
            foreach (var (key, question) in _questions)
            {
                question.AgentEnded |= key.AgentId == agentId;
            }
        }

        if (agent is not null)
        {
            agent.End();
            LogEnded(agentId);
        }
    }

    private async Task<AgentConnection> AskAsync(string agentId, string nonce, byte[] hash, Question question, int watch)
    {
        await Task.Yield(); // out of the lock
        AgentConnection? replaced = null;
        try
        {
            var answer = await ResolveAsync(agentId, nonce);
            lock (_gate)
            {
                if (question.AgentEnded)
                {
                    throw HasEndedError();
                }

                if (_agents.TryGetValue(agentId, out var known) && known.IsSameAs(answer))
                {
                    known.Watch = watch;
                    return known;
                }

                var found = Connect(agentId, hash, answer, watch);
                replaced = known;
                return _agents[agentId] = found;
            }
        }
        finally
        {
            lock (_gate)
            {
                _questions.Remove((agentId, Convert.ToHexString(hash)));
            }

            replaced?.End();
        }
    }

    private AgentConnection Connect(string agentId, byte[] hash, ResolveAgentResponse answer, int watch)
    {
        try
        {
            return AgentConnection.Create(agentId, hash, answer, watch);
        }
        catch (Exception e) when (e is ArgumentException or UriFormatException)
        {
            LogUnusableEndpoint(e, agentId);
            throw new RpcException(RpcStatusCode.Internal, "the spawner gave an endpoint for the agent that cannot be used", e);
        }
    }

    private async Task<ResolveAgentResponse> ResolveAsync(string agentId, string nonce)
    {
        try
        {
            return await spawner.ResolveAsync(agentId, nonce, _disposed.Token);
        }
        catch (OperationCanceledException e)
        {
            throw new RpcException(RpcStatusCode.Unavailable, "the gateway is stopping; try again when it is back", e);
        }
        catch (RpcException e)
        {
            switch (e.Code)
            {
                case RpcStatusCode.PermissionDenied or RpcStatusCode.NotFound or RpcStatusCode.InvalidArgument:
                    throw Denied();
                case RpcStatusCode.FailedPrecondition:
                    throw HasEndedError();
                default:
                    LogCannotResolve(agentId, e.Code, e.Message);
                    throw new RpcException(RpcStatusCode.Unavailable, "the agent cannot be looked up, because the spawner does not answer as it should; try again", e);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The spawner gave an endpoint for agent {AgentId} that cannot be used.")]
    private partial void LogUnusableEndpoint(Exception exception, string agentId);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Agent {AgentId} has ended; its connections are closed.")]
    private partial void LogEnded(string agentId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Agent {AgentId} cannot be looked up at the spawner: {Code}, {Reason}")]
    private partial void LogCannotResolve(string agentId, RpcStatusCode code, string reason);
}
