using AgentKernel.AgentRuntime.Bundles;
using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.Packaging.Archives;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.AgentRuntime.Server;

/// <summary>The operations of this agent type: <c>{"operation":…}</c>.</summary>
internal sealed class Control(Agent agent)
{
    private readonly LoadedBundles _loaded = new(agent.Bundles, Environment.CurrentDirectory);

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
            case "list_skills":
                await ListSkillsAsync(context);
                break;
            case "load_bundle":
                await LoadBundleAsync(context, request);
                break;
            case "set_system_prompt":
                await DoneAsync(context, agent.TrySetSystemPrompt(request.RequiredText("system_prompt")));
                break;
            case "clear_history":
                await DoneAsync(context, agent.TryClearHistory());
                break;
            case var unknown:
                throw new RequestException(StatusCodes.Status400BadRequest,
                    $"operation '{unknown}' is unknown; known: list_tools, list_skills, load_bundle, set_system_prompt, clear_history");
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

    private Task ListSkillsAsync(HttpContext context) => JsonReply.WriteAsync(context, StatusCodes.Status200OK, json =>
    {
        json.WriteStartArray("skills");
        foreach (var skill in agent.Bundles.Skills)
        {
            json.WriteStartObject();
            json.WriteString("name", skill.Name);
            json.WriteString("description", skill.Description);
            json.WriteString("path", skill.Path);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private async Task LoadBundleAsync(HttpContext context, RequestDocument request)
    {
        var (name, type) = (request.RequiredText("name"), request.Text("type") ?? "data");
        if (!Bundle.IsName(name))
            throw new RequestException(StatusCodes.Status400BadRequest, "name must be 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit");
        if (!Bundle.IsType(type))
            throw new RequestException(StatusCodes.Status400BadRequest, "type must be helpers, skill or data");
        if (agent.Bundles.Bundles.Any(bundle => bundle.Name == name && bundle.Path != _loaded.PathOf(name)))
            throw new RequestException(StatusCodes.Status409Conflict, $"name: the agent's image has a bundle '{name}'; choose another name");
        var archive = LoadedBundles.Decode(request.RequiredText("archive"))
            ?? throw new RequestException(StatusCodes.Status400BadRequest, "archive must be base64");
        try
        {
            var bundle = await _loaded.LoadAsync(name, type, archive, context.RequestAborted)
                ?? throw new RequestException(StatusCodes.Status409Conflict, "another bundle is being loaded; try again when it is there");
            await JsonReply.WriteAsync(context, StatusCodes.Status200OK, json =>
            {
                json.WriteBoolean("ok", true);
                json.WriteString("path", bundle.Path);
            });
        }
        catch (Exception e) when (e is ArchiveException or InvalidDataException)
        {
            throw new RequestException(StatusCodes.Status400BadRequest, $"archive: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Diagnostics.Write($"a bundle could not be unpacked: {e.Message}");
            throw new RequestException(StatusCodes.Status507InsufficientStorage, "the bundle could not be unpacked; the workspace is full, or not this user's");
        }
    }

    private static Task DoneAsync(HttpContext context, bool done) => done
        ? JsonReply.WriteAsync(context, StatusCodes.Status200OK, json => json.WriteBoolean("ok", true))
        : throw new RequestException(StatusCodes.Status409Conflict, "a turn is running; the conversation can be changed when it has ended");
}
