namespace AgentKernel.AgentBus.Log;

/// <summary>Logs in this process's memory.</summary>
internal sealed class MemoryLogStore(TimeProvider time) : IBusLogStore
{
    public IBusLog Open(string busId) => new MemoryLog(time);

    public void Delete(string busId)
    {
        // What is closed is gone.
    }
}
