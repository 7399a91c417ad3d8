using System.Text;
using System.Text.Json;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>What bwrap says of a sandbox in <see cref="SandboxLaunch.StatusFile"/>: a JSON document for each thing that happens.</summary>
internal static class SandboxStatus
{
    /// <summary>
    /// The first process of the sandbox, as the host knows it: with it all others end. Null where there is none, or it is
    /// no child of bwrap any more and its id might be another's.
    /// </summary>
    /// <param name="folder">The agent's folder.</param>
    /// <param name="bubblewrap">The id of bwrap.</param>
    public static ProcessIdentity? FirstProcess(string folder, int bubblewrap) =>
        ReadChild(folder) is { } child && ProcessStat.Read(child) is { IsGone: false } stat && stat.Parent == bubblewrap ? new(child, stat.StartTime) : null;

    private static int? ReadChild(string folder)
    {
        try
        {
            var reader = new Utf8JsonReader(File.ReadAllBytes(Path.Combine(folder, SandboxLaunch.StatusFile)), new JsonReaderOptions { AllowMultipleValues = true });
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("child-pid"u8))
                {
                    return reader.Read() && reader.TryGetInt32(out var pid) ? pid : null;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            // Not there, or not whole yet.
        }

        return null;
    }
}
