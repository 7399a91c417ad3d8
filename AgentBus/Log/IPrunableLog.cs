namespace AgentKernel.AgentBus.Log;

/// <summary>A log whose oldest entries can be dropped.</summary>
internal interface IPrunableLog : IBusLog
{
    /// <summary>Where the log could begin if as much were dropped as the limits say; null: no such limit.</summary>
    long FirstToKeep(long? maxBytes, DateTimeOffset? notBefore);

    /// <summary>Drops entries before a position, as many as can be dropped together; none from it on.</summary>
    void DropBefore(long position);
}
