using AgentKernel.Spawner.Limits;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// Holds a workspace to a size by looking at it, as few file systems have quotas for folders. An agent can be beyond the
/// limit until the next look.
/// </summary>
/// <param name="limit">In bytes: the lengths of all files together.</param>
internal sealed class WorkspaceWatch(string folder, long limit, TimeProvider time)
{
    private const int Rest = 20; // of all time, looking takes a twentieth at most
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private static readonly EnumerationOptions All = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };

    /// <summary>What is said of an agent that was ended for it.</summary>
    public string Reason { get; } = $"was killed when its workspace had outgrown its limit of {ProcessLimits.Words(limit)} of disk";

    /// <summary>For an agent with a limit; null for others.</summary>
    public static WorkspaceWatch? Of(AgentSpec spec, string workspace, TimeProvider time) =>
        spec.Resources.HasDiskBytes ? new(workspace, spec.Resources.DiskBytes, time) : null;

    /// <summary>Returns true once the workspace is too large, false when it is cancelled.</summary>
    public async Task<bool> OutgrownAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            if (IsTooLarge(cancellationToken))
            {
                return true;
            }

            var took = time.GetElapsedTime(began) * Rest;
            await Task.Delay(took > Pause ? took : Pause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return false;
    }

    private bool IsTooLarge(CancellationToken cancellationToken)
    {
        var size = 0L;
        try
        {
            foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*", All))
            {
                size += LengthOf(file);
                if (size > limit || cancellationToken.IsCancellationRequested)
                {
                    break;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A folder went while it was read; the next look counts again.
        }

        return size > limit;
    }

    private static long LengthOf(FileInfo file)
    {
        try
        {
            return file.Length;
        }
        catch (IOException)
        {
            return 0; // it is gone
        }
    }
}
