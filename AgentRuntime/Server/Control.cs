using AgentKernel.AgentRuntime.Conversation;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.AgentRuntime.Server;

/// <summary>The operations of this agent type: <c>{"operation":…}</c>.</summary>
internal sealed class Control(Agent agent)
{
    public async Task HandleAsync(HttpContext context)
    {
        using var request = await Contract.ReadAuthorizedAsync(context, agent.Config.ChannelToken);
        if (await agent.RecoverAsync(context.RequestAborted) is { } problem)
            throw new RequestException(StatusCodes.Status503ServiceUnavailable, problem);
        switch (request.RequiredText("operation"))
        {
            case "list_tools":
                await ListToolsAsync(context);
                break;
            case "set_system_prompt":
                await DoneAsync(context, agent.TrySetSystemPrompt(request.RequiredText("system_prompt")));
                break;
            case "clear_history":
                await DoneAsync(context, agent.TryClearHistory());
                break;
            case var unknown:
                throw new RequestException(StatusCodes.Status400BadRequest,
                    $"operation '{unknown}' is unknown; known: list_tools, set_system_prompt, clear_history");
        }
    }

    private Task ListToolsAsync(HttpContext context) => JsonReply.WriteAsync(context, StatusCodes.Status200OK, json =>
    {
        json.WriteStartArray("tools");
        foreach (var tool in agent.Tools)
        {
            json.WriteStartObject();
            json.WriteString("name", tool.Name);
            json.WriteString("description", tool.Description);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static Task DoneAsync(HttpContext context, bool done) => done
        ? JsonReply.WriteAsync(context, StatusCodes.Status200OK, json => json.WriteBoolean("ok", true))
        : throw new RequestException(StatusCodes.Status409Conflict, "a turn is running; the conversation can be changed when it has ended");
}
