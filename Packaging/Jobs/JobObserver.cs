using AgentKernel.Packaging.Backends.Oci;

namespace AgentKernel.Packaging.Jobs;

/// <summary>Tells a job what becomes of its OCI image.</summary>
internal sealed class JobObserver(BuildJob job) : IOciObserver
{
    public void Moved(OciStage stage, long bytes) => job.Report(bytes);

    public void Said(string line) => job.Log(line);
}
