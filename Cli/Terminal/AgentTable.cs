using AgentKernel.Contracts.V1;
using Google.Protobuf.WellKnownTypes;
using Spectre.Console;

namespace AgentKernel.Cli.Terminal;

/// <summary>Agents and teams as tables for people.</summary>
internal static class AgentTable
{
    /// <summary>The word for a state, as it stands in the docs.</summary>
    public static string Word(AgentState state) => state.ToString().ToLowerInvariant();

    public static Table OfAgents(IEnumerable<Agent> agents, DateTimeOffset now)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("NAME", "ID", "STATE", "TEAM", "TYPE", "BACKEND", "AGE", "DETAIL");
        foreach (var agent in agents)
        {
            table.AddRow(new[]
            {
                agent.Name,
                agent.Id[..8],
                Word(agent.State),
                agent.TeamId,
                agent.AgentType,
                agent.Backend,
                Age(now - (agent.EndedAt ?? agent.CreatedAt).ToDateTimeOffset()) + (agent.EndedAt is null ? "" : " ago"),
                agent.Exit?.Reason ?? string.Join(' ', agent.BackendStatus.Select(pair => $"{pair.Key}={pair.Value}")),
            }.Select(cell => Markup.Escape(cell)).ToArray());
        }

        return table;
    }

    public static Table OfTeams(IEnumerable<Team> teams)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("TEAM", "CPU", "MEMORY", "PIDS", "AGENTS");
        foreach (var team in teams)
        {
            table.AddRow(
                team.Id,
                Of($"{team.Used.Cpu:0.##}", team.Capacity.HasCpu, $"{team.Capacity.Cpu:0.##}"),
                Of(Bytes(team.Used.MemoryBytes), team.Capacity.HasMemoryBytes, Bytes(team.Capacity.MemoryBytes)),
                Of($"{team.Used.Pids}", team.Capacity.HasPids, $"{team.Capacity.Pids}"),
                Of($"{team.Used.Agents}", team.Capacity.HasAgents, $"{team.Capacity.Agents}"));
        }

        return table;
    }

    private static string Of(string used, bool limited, string capacity) => limited ? $"{used} of {capacity}" : used;

    private static string Bytes(long bytes) => bytes >= 1 << 30 ? $"{bytes / (double)(1 << 30):0.#} GiB" : $"{bytes / (double)(1 << 20):0.#} MiB";

    private static string Age(TimeSpan age) => age switch
    {
        { TotalMinutes: < 1 } => $"{Math.Max(0, (int)age.TotalSeconds)}s",
        { TotalHours: < 1 } => $"{(int)age.TotalMinutes}m",
        { TotalDays: < 1 } => $"{(int)age.TotalHours}h",
        _ => $"{(int)age.TotalDays}d",
    };
}
