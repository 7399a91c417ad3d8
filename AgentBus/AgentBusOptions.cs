namespace AgentKernel.AgentBus;

/// <summary>Settings of the bus service; section <c>AgentBus</c> of the configuration.</summary>
public sealed record AgentBusOptions
{
    /// <summary>Where logs are kept: <c>disk</c>, in the data directory, or <c>memory</c>, gone with the process.</summary>
    public string Storage { get; set; } = "disk";

    /// <summary>How long an intention waits for its decision before it is aborted.</summary>
    public TimeSpan DecisionTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long where a human has to vote, unless the voter's settings say otherwise.</summary>
    public TimeSpan HumanTimeout { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>How many intentions of one agent may wait for a decision at once.</summary>
    public int MaxUndecided { get; set; } = 256;

    /// <summary>How many bytes one entry may have.</summary>
    public int MaxEntryBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>From how many bytes on a file of a log is followed by a new one.</summary>
    public int SegmentBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>How many bytes a log may take before its oldest files are dropped; null: nothing is dropped for its size.</summary>
    public long? RetainBytes { get; set; }

    /// <summary>How old a file of a log may become before it is dropped; null: nothing is dropped for its age.</summary>
    public TimeSpan? RetainAge { get; set; }

    /// <summary>Where LLM voters may send the service's model key beside the providers' own endpoints.</summary>
    public IList<Uri> ModelEndpoints { get; init; } = [];

    /// <summary>What is wrong with the settings, each with its key; empty when nothing is.</summary>
    public IEnumerable<string> Problems()
    {
        if (Storage is not ("disk" or "memory"))
        {
            yield return $"AgentBus:Storage is '{Storage}'; it must be disk or memory";
        }

        foreach (var (key, value) in new[] { (nameof(DecisionTimeout), DecisionTimeout), (nameof(HumanTimeout), HumanTimeout), (nameof(RetainAge), RetainAge ?? TimeSpan.MaxValue) })
        {
            if (value <= TimeSpan.Zero)
            {
                yield return $"AgentBus:{key} must be longer than nothing";
            }
        }

        foreach (var (key, value) in new[] { (nameof(MaxUndecided), MaxUndecided), (nameof(MaxEntryBytes), MaxEntryBytes), (nameof(SegmentBytes), SegmentBytes), (nameof(RetainBytes), RetainBytes ?? 1) })
        {
            if (value < 1)
            {
                yield return $"AgentBus:{key} must be at least 1";
            }
        }

        if (SegmentBytes > 1024 * 1024 * 1024 || MaxEntryBytes > 256 * 1024 * 1024)
        {
            yield return "AgentBus:SegmentBytes may be at most 1 GiB and AgentBus:MaxEntryBytes 256 MiB";
        }
    }
}
