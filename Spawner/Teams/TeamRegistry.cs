using System.Text.Json;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults;
using AgentKernel.Spawner.Agents;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Spawner.Teams;

/// <summary>A team as it is kept.</summary>
/// <param name="Config">The backend's own settings for its agents, as JSON; null for none.</param>
internal sealed record TeamRecord(string Id, ResourceAmounts Capacity, DateTimeOffset CreatedAt, string? Config = null);

/// <summary>
/// The teams, and what their agents hold of them. Reservations never add up to more than the host has times the
/// overcommit factor, and agents never to more than their team reserved.
/// </summary>
internal sealed partial class TeamRegistry
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _teams = [];
    private readonly ResourceAmounts _host;
    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly ILogger<TeamRegistry> _logger;

    public TeamRegistry(LockedDataDirectory home, SpawnerOptions options, TimeProvider time, ILogger<TeamRegistry> logger)
    {
        (_time, _logger) = (time, logger);
        _folder = home.Combine("teams");
        _host = new(
            System.Environment.ProcessorCount * options.CpuOvercommit,
            (long)(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes * options.MemoryOvercommit),
            null);
        DataDirectory.CreateFolder(_folder);
        // The default team: for agents that name none. Unlimited, and not listed.
        _teams[""] = new(new("", new(null, null, null), time.GetUtcNow()));
        foreach (var file in Directory.EnumerateFiles(_folder, "*.json"))
        {
            if (Read(file) is { } record)
            {
                _teams[record.Id] = new(record);
            }
            else
            {
                LogDamaged(Path.GetFileName(file)); // one team must not keep the kernel and all others from starting
            }
        }
    }

    /// <exception cref="RpcException">ALREADY_EXISTS, or RESOURCE_EXHAUSTED with what is free.</exception>
    public Team Create(string id, ResourceAmounts capacity, Struct? config = null)
    {
        lock (_gate)
        {
            if (_teams.ContainsKey(id))
            {
                throw new RpcException(RpcStatusCode.AlreadyExists, $"team_id: there is a team '{id}' already");
            }

            var reserved = _teams.Values.Aggregate(ResourceAmounts.None, (sum, team) => sum + team.Record.Capacity);
            if (_host.Lacks(reserved, capacity) is { } lack)
            {
                throw new RpcException(RpcStatusCode.ResourceExhausted, $"team '{id}' does not fit on this host beside the other teams: {lack} (overcommit included)");
            }

            var entry = new Entry(new(id, capacity, _time.GetUtcNow(), config is { Fields.Count: > 0 } ? JsonFormatter.Default.Format(config) : null));
            DataDirectory.WriteAtomically(FileOf(id), JsonSerializer.SerializeToUtf8Bytes(entry.Record, RecordJson.Default.TeamRecord), durable: true);
            _teams[id] = entry;
            return entry.ToMessage();
        }
    }

    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public Team Get(string id)
    {
        lock (_gate)
        {
            return Find(id).ToMessage();
        }
    }

    public IReadOnlyList<Team> List()
    {
        lock (_gate)
        {
            return [.. _teams.Values.Where(team => team.Record.Id.Length > 0).OrderBy(team => team.Record.Id, StringComparer.Ordinal).Select(team => team.ToMessage())];
        }
    }

    /// <summary>Takes an agent's share out of its team's capacity, until the lease is disposed of.</summary>
    /// <exception cref="RpcException">NOT_FOUND, RESOURCE_EXHAUSTED with what is free, or FAILED_PRECONDITION while the team is being deleted.</exception>
    public TeamLease Take(string id, ResourceAmounts share)
    {
        lock (_gate)
        {
            var team = Find(id);
            team.RequireOpen();
            if (team.Record.Capacity.Lacks(team.Used, share) is { } lack)
            {
                throw new RpcException(RpcStatusCode.ResourceExhausted, $"team '{id}' is full: {lack}");
            }

            return Hold(team, share);
        }
    }

    /// <summary>Takes back the share of an agent that has outlived the kernel, whatever else holds the team's capacity.</summary>
    public TeamLease Retake(string id, ResourceAmounts share)
    {
        lock (_gate)
        {
            return Hold(_teams.TryGetValue(id, out var team) ? team : _teams[""], share);
        }
    }

    /// <summary>Lets no further agent into the team; returns what <see cref="Remove"/> wants.</summary>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public TeamRecord Close(string id)
    {
        lock (_gate)
        {
            var team = Find(id);
            team.Closing = true;
            return team.Record;
        }
    }

    /// <summary>Gives a closed team's capacity back to the host. One that was removed already stays so, and a later one of its name is left alone.</summary>
    public void Remove(TeamRecord closed)
    {
        lock (_gate)
        {
            if (_teams.TryGetValue(closed.Id, out var team) && ReferenceEquals(team.Record, closed))
            {
                File.Delete(FileOf(closed.Id));
                _teams.Remove(closed.Id);
            }
        }
    }

    private TeamLease Hold(Entry team, ResourceAmounts share)
    {
        team.Used += share;
        return new(
            team.Record,
            () =>
            {
                lock (_gate)
                {
                    team.RequireOpen();
                }
            },
            () =>
            {
                lock (_gate)
                {
                    team.Used -= share;
                }
            });
    }

    private Entry Find(string id) =>
        _teams.TryGetValue(id, out var team) ? team : throw new RpcException(RpcStatusCode.NotFound, $"team_id: there is no team '{id}'");

    private string FileOf(string id) => Path.Combine(_folder, $"{id}.json");

    // Null where the file is damaged. Any other failure is the machine's, and no reason to give the team up.
    private static TeamRecord? Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), RecordJson.Default.TeamRecord) is { Id.Length: > 0, Capacity: not null } record ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The team that was kept in {File} is lost: the file is damaged")]
    private partial void LogDamaged(string file);

    private sealed class Entry(TeamRecord record)
    {
        public TeamRecord Record { get; } = record;

        public ResourceAmounts Used { get; set; } = ResourceAmounts.None;

        public bool Closing { get; set; }

        public void RequireOpen()
        {
            if (Closing)
            {
                throw new RpcException(RpcStatusCode.FailedPrecondition, $"team '{Record.Id}' is being deleted");
            }
        }

        public Team ToMessage() => new()
        {
            Id = Record.Id,
            Capacity = Record.Capacity.ToMessage(),
            Used = Used.ToMessage(),
            CreatedAt = Record.CreatedAt.ToTimestamp(),
        };
    }
}

/// <summary>An agent's share of its team. Disposing gives it back, once.</summary>
internal sealed class TeamLease(TeamRecord team, Action requireOpen, Action giveBack) : IDisposable
{
    private Action? _giveBack = giveBack;

    /// <summary>What all of the team's agents may have together.</summary>
    public ResourceAmounts Capacity => team.Capacity;

    /// <summary>The backend's own settings for the team's agents.</summary>
    public Struct Config => team.Config is { } config ? JsonParser.Default.Parse<Struct>(config) : new();

    /// <summary>Refuses an agent that came in while its team was being deleted, and would be overlooked.</summary>
    /// <exception cref="RpcException">FAILED_PRECONDITION.</exception>
    public void RequireOpenTeam() => requireOpen();

    public void Dispose() => Interlocked.Exchange(ref _giveBack, null)?.Invoke();
}
