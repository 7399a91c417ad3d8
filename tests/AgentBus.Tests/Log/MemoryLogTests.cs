using AgentKernel.AgentBus.Log;

namespace AgentKernel.AgentBus.Tests.Log;

public sealed class MemoryLogTests : LogContract
{
    internal override IBusLog OpenEmpty() => new MemoryLog(TimeProvider.System);
}
