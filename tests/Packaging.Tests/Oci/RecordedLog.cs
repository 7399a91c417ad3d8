using System.Collections.Concurrent;
using AgentKernel.Packaging.Backends.Oci;

namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>What a build said of itself.</summary>
internal sealed class RecordedLog : IOciObserver
{
    public ConcurrentQueue<string> Lines { get; } = [];

    public Action<OciStage> OnStage { get; init; } = _ => { };

    public void Moved(OciStage stage, long bytes) => OnStage(stage);

    public void Said(string line) => Lines.Enqueue(line);
}
