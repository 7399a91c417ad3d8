namespace AgentKernel.Spawner.Buses;

/// <summary>An agent's place on a bus, as it is kept in its record and told to its program.</summary>
/// <param name="Url">As the agent is told: <c>remote://host:port</c>, <c>https://host:port</c>, <c>memory://</c> or <c>memory://port</c>.</param>
/// <param name="BusId">The id of its bus.</param>
/// <param name="Token">What it presents there; null where the bus asks for nothing.</param>
/// <param name="DisableSafety">Whether its actions are logged only, and stopped by nobody.</param>
/// <param name="OfKernel">Whether it is the kernel's own bus service.</param>
internal sealed record BusSeat(string Url, string BusId, string? Token, bool DisableSafety, bool OfKernel)
{
    // A record prints its members; this one holds a token.
    public override string ToString() => $"{BusId} on {Url}";
}
