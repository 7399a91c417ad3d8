using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.Spawner.Backends;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>What is saved of agents that are processes of this machine.</summary>
internal static class SavedProcesses
{
    /// <summary>Gives the ids of an ended agent, and that of its session, to a stranger.</summary>
    public static async Task<JsonElement> GiveAsync(JsonElement saved, AgentSpec spec, int stranger)
    {
        var state = JsonNode.Parse(saved.GetRawText())!;
        foreach (var part in new[] { "Shim", "Logger", "Leader" })
        {
            if (state["Process"]![part] is { } process)
            {
                process["Pid"] = stranger;
            }
        }

        await File.WriteAllTextAsync(Path.Combine(spec.Folder, "pid"), stranger.ToString(CultureInfo.InvariantCulture), TestContext.Current.CancellationToken);
        return JsonSerializer.SerializeToElement(state);
    }
}
