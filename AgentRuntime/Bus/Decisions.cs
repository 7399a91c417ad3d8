using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using Google.Protobuf;

namespace AgentKernel.AgentRuntime.Bus;

/// <summary>Waits for what is decided about an intention.</summary>
internal sealed class Decisions(IAgentBus bus, TimeProvider clock)
{
    private static readonly TimeSpan s_voters = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_human = TimeSpan.FromMinutes(30);
    // The bus's own time is as long, and began later: its reason is better than none.
    private static readonly TimeSpan s_leeway = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longestPoll = TimeSpan.FromMinutes(1);
    private static readonly SelectivePollType[] s_kinds = [SelectivePollType.Commit, SelectivePollType.Abort, SelectivePollType.Vote];

    /// <returns>Whether it may run, and why.</returns>
    /// <exception cref="BusException">The bus was lost on the way.</exception>
    public async Task<(bool Commits, string Reason)> WaitAsync(long intentionId, CancellationToken cancellationToken)
    {
        var began = clock.GetTimestamp();
        var limit = s_voters;
        var next = intentionId + 1;
        var hasAskedForPolicy = false;
        while (true)
        {
            var left = limit + s_leeway - clock.GetElapsedTime(began);
            if (left <= TimeSpan.Zero)
            {
                // Looked up only now: most decisions come long before.
                if (hasAskedForPolicy || limit > s_voters || await HumanLimitAsync(cancellationToken) is not { } human)
                {
                    return (false, $"no decision came within {limit.TotalSeconds:0} s");
                }

                (hasAskedForPolicy, limit) = (true, human);
                continue;
            }

            var (entries, after) = await bus.WaitAsync(next, s_kinds, left < s_longestPoll ? left : s_longestPoll, cancellationToken);
            next = after;
            foreach (var payload in entries.Select(entry => entry.Payload))
            {
                switch (payload.PayloadCase)
                {
                    case Payload.PayloadOneofCase.Commit when payload.Commit.IntentionId == intentionId:
                        return (true, payload.Commit.Reason);
                    case Payload.PayloadOneofCase.Abort when payload.Abort.IntentionId == intentionId:
                        return (false, payload.Abort.Reason);
                    case Payload.PayloadOneofCase.Vote when payload.Vote.IntentionId == intentionId && payload.Vote.AbstractVote is null:
                        // A voter leaves it to a human.
                        limit = await HumanLimitAsync(cancellationToken) ?? s_human;
                        break;
                }
            }
        }
    }

    /// <summary>How long a human may take, where the policy has one vote; null where it has not.</summary>
    private async Task<TimeSpan?> HumanLimitAsync(CancellationToken cancellationToken)
    {
        Dictionary<string, TimeSpan?> voters = [];
        var next = 0L;
        while (true)
        {
            var (entries, complete) = await bus.ReadAsync(next, cancellationToken);
            foreach (var entry in entries)
            {
                Apply(entry.Payload.Control?.BaseEngineControl?.PolicyBatch, voters);
                next = entry.Header.LogPosition + 1;
            }

            if (complete || entries.Count == 0)
            {
                // A bus without voters leaves everything to a human.
                return voters.Count == 0 ? s_human : voters.Values.Max();
            }
        }
    }

    private static void Apply(PolicyBatch? batch, Dictionary<string, TimeSpan?> voters)
    {
        foreach (var (id, op) in batch?.VoterOps ?? [])
        {
            if (op.OpCase is VoterOp.OpOneofCase.Remove)
            {
                voters.Remove(id);
            }
            else if (op.Add?.Config?.Custom is { } custom)
            {
                voters[id] = HumanTime(custom);
            }
        }
    }

    private static TimeSpan? HumanTime(Google.Protobuf.WellKnownTypes.Any custom)
    {
        try
        {
            var voter = Voter.Parser.ParseFrom(custom.Value);
            return voter.KindCase is not Voter.KindOneofCase.Human ? null : voter.Human.Timeout?.ToTimeSpan() ?? s_human;
        }
        catch (InvalidProtocolBufferException)
        {
            return null; // another program's voter
        }
    }
}
