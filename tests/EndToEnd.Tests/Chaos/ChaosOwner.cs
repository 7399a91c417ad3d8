using System.Diagnostics;
using System.Globalization;
using AgentKernel.Client;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.EndToEnd.Tests.Chaos;

/// <summary>Owns one agent after the other, does things to it at random, and keeps account of what must be true of it.</summary>
/// <param name="starts">How many owners may start an agent at once: starts take all of a machine, and nothing else would happen on it.</param>
internal sealed class ChaosOwner(int number, int seed, MortalKernel kernel, SemaphoreSlim starts)
{
    public const string Team = "chaos";

    private const string Label = "owner";
    private readonly Random _random = new((seed * 1000) + number);
    private readonly List<string> _told = []; // answers that were told to be done, of the agent it owns
    private bool _turnInterrupted;

    /// <summary>The agent that it owns now and that must be alive.</summary>
    public OwnedAgent? Agent { get; private set; }

    /// <summary>Agents whose program was killed, not through the kernel.</summary>
    public List<string> Crashed { get; } = [];

    /// <summary>All that it ever heard of.</summary>
    public HashSet<string> Known { get; } = [];

    public int TurnsDone { get; private set; }

    public int TurnsInterrupted { get; private set; }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Does one thing.</summary>
    public async Task StepAsync()
    {
        switch (Agent, _random.Next(100))
        {
            case (null, _):
                await SpawnInTurnAsync();
                break;
            case (_, < 70):
                await TurnAsync(leave: false);
                break;
            case (_, < 78):
                await TurnAsync(leave: true);
                break;
            case (_, < 90):
                await KillAsync();
                break;
            default:
                await CrashAsync();
                break;
        }
    }

    /// <summary>Whether the agent has in its history, in order, all that it was told to be done.</summary>
    public async Task CheckHistoryAsync(AgentKernelClient client)
    {
        var entries = await client.Agents.GetHistoryAsync(Agent!, cancellationToken: Cancelled); // asked of one that is alive
        var answers = entries.Where(entry => entry.Role == "assistant").Select(entry => entry.Content).ToList();
        var from = 0;
        foreach (var text in _told)
        {
            from = answers.IndexOf(text, from) + 1;
            Assert.True(from > 0, $"agent {Agent!.Id} has lost '{text}', or its place in the conversation");
        }
    }

    private async Task SpawnInTurnAsync()
    {
        await starts.WaitAsync(Cancelled);
        try
        {
            await SpawnAsync();
        }
        finally
        {
            starts.Release();
        }
    }

    private async Task SpawnAsync()
    {
        var spawned = await kernel.TryAsync(async client =>
        {
            var request = new SpawnAgentRequest
            {
                Name = $"chaos-{number}",
                TeamId = Team,
                Metadata = { [Label] = $"{number}" },
                SpawnInfo = Any.Pack(new Struct { Fields = { ["provider"] = Value.ForString("scripted"), ["scripted_delay_ms"] = Value.ForNumber(1) } }),
            };
            Agent = await client.Spawner.SpawnAsync(request, Cancelled);
            Known.Add(Agent.Id);
            _told.Clear();
            _turnInterrupted = false;
        });
        while (!spawned && Agent is null)
        {
            spawned = await kernel.TryAsync(EndOrphansAsync);
        }
    }

    // The kernel may have got as far as to have an agent, and not so far as to say whose it is.
    private async Task EndOrphansAsync(AgentKernelClient client)
    {
        foreach (var orphan in await client.Spawner.ListAsync(Team, new Dictionary<string, string> { [Label] = $"{number}" }, liveOnly: true, Cancelled))
        {
            Known.Add(orphan.Id);
            await client.Spawner.KillAsync(orphan.Id, Cancelled);
        }
    }

    private async Task TurnAsync(bool leave)
    {
        var text = $"{number}.{TurnsDone}: " + string.Join(' ', Enumerable.Range(0, _random.Next(5, 60)).Select(_ => _random.Next(100_000)));
        var (answer, done) = ("", false);
        var finished = await kernel.TryAsync(async client =>
        {
            try
            {
                await foreach (var piece in client.Agents.TurnAsync(Agent!, text, Cancelled))
                {
                    answer = piece.Error.Length > 0 ? throw new AgentTurnException(piece.Error, answer) : answer + piece.Body;
                    done = piece.Done;
                    if (leave)
                    {
                        break;
                    }
                }
            }
            catch (RpcException busy) when (busy.Code is RpcStatusCode.Aborted && _turnInterrupted)
            {
                leave = true; // the agent has not noticed yet that the caller of the last one is gone
                await client.Agents.CancelTurnAsync(Agent!, Cancelled);
            }
        });
        _turnInterrupted = !finished || leave;
        if (done)
        {
            Assert.Equal(text, answer);
            _told.Add(text);
            TurnsDone++;
        }
        else
        {
            Assert.True(_turnInterrupted, $"a turn of agent {Agent!.Id} ended without being done, and nothing had happened");
            TurnsInterrupted++;
        }
    }

    private async Task KillAsync()
    {
        var interrupted = false;
        while (!await kernel.TryAsync(EndAsync))
        {
            interrupted = true;
        }

        Agent = null;

        async Task EndAsync(AgentKernelClient client)
        {
            try
            {
                await client.Spawner.KillAsync(Agent!, Cancelled);
            }
            catch (RpcException gone) when (interrupted && gone.Code is RpcStatusCode.NotFound)
            {
                // The kernel before this one had ended it, to the last trace.
            }
        }
    }

    private async Task CrashAsync()
    {
        using (var program = Process.GetProcessById(int.Parse(Agent!.Agent.BackendStatus["pid"], CultureInfo.InvariantCulture)))
        {
            program.Kill();
        }

        while (!await kernel.TryAsync(UntilFailedAsync))
        {
            // The next kernel has to find it out.
        }

        Crashed.Add(Agent.Id);
        Agent = null;
    }

    private async Task UntilFailedAsync(AgentKernelClient client)
    {
        var watch = client.Spawner.WatchAsync(new() { TeamId = Team, Metadata = { [Label] = $"{number}" } }, Cancelled);
        await foreach (var news in watch)
        {
            var agents = news.Snapshot?.Agents.AsEnumerable() ?? [news.Changed];
            if (agents.FirstOrDefault(agent => agent.Id == Agent!.Id && agent.State is AgentState.Failed or AgentState.Stopped) is { } ended)
            {
                Assert.Equal((AgentState.Failed, 9), (ended.State, ended.Exit.Signal));
                return;
            }
        }
    }
}
