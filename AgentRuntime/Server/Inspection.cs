using System.Globalization;
using System.Runtime.InteropServices;
using AgentKernel.AgentRuntime.Conversation;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.AgentRuntime.Server;

/// <summary>What the agent tells of itself.</summary>
internal sealed partial class Inspection(Agent agent)
{
    public Task HealthAsync(HttpContext context) => JsonReply.WriteAsync(context, StatusCodes.Status200OK, json =>
    {
        json.WriteString("status", "ok");
        json.WriteString("agent_id", agent.Config.AgentId);
    });

    public async Task HistoryAsync(HttpContext context)
    {
        using var request = await Contract.ReadAuthorizedAsync(context, agent.Config.ChannelToken);
        if (await agent.RecoverAsync(context.RequestAborted) is { } problem)
            throw new RequestException(StatusCodes.Status503ServiceUnavailable, problem);
        var entries = agent.Transcript.Last(request.Count("last_n"));
        await JsonReply.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            json.WriteStartArray("entries");
            foreach (var entry in entries)
            {
                json.WriteStartObject();
                json.WriteString("role", entry.Role);
                json.WriteString("content", entry.Content);
                json.WriteString("time", Iso(entry.Time));
                json.WriteEndObject();
            }
            json.WriteEndArray();
        });
    }

    public async Task InfoAsync(HttpContext context)
    {
        using (await Contract.ReadAuthorizedAsync(context, agent.Config.ChannelToken))
        {
            var (config, totals) = (agent.Config, agent.Totals);
            await JsonReply.WriteAsync(context, StatusCodes.Status200OK, json =>
            {
                json.WriteNumber("pid", Environment.ProcessId);
                json.WriteString("cwd", Environment.CurrentDirectory);
                json.WriteNumber("uid", EffectiveUserId());
                json.WriteString("agent_id", config.AgentId);
                json.WriteString("name", config.Name);
                json.WriteString("agent_type", config.AgentType);
                json.WriteString("provider", config.Model.Provider);
                json.WriteString("model", config.Model.Model);
                json.WriteStartArray("tools");
                foreach (var tool in agent.Tools)
                    json.WriteStringValue(tool.Name);
                json.WriteEndArray();
                if (agent.Bus is { } bus)
                {
                    json.WriteStartObject("agentbus");
                    json.WriteString("url", bus.Url);
                    json.WriteString("bus_id", bus.BusId);
                    json.WriteString("safety", bus.Safety);
                    json.WriteEndObject();
                }
                json.WriteString("started_at", Iso(agent.StartedAt));
                json.WriteNumber("turns", totals.Turns);
                json.WriteStartObject("usage");
                JsonReply.WriteUsage(json, totals.Usage);
                json.WriteEndObject();
            });
        }
    }

    private static string Iso(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUserId();
}
