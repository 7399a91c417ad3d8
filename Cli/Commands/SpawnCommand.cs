using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;
using AgentKernel.Client;
using AgentKernel.Contracts.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Cli.Commands;

/// <summary><c>spawn</c>: starts an agent and keeps its nonce.</summary>
internal static class SpawnCommand
{
    private static readonly Argument<string> Name = new("NAME") { Description = "A DNS label: 1 to 63 of a-z, 0-9 and -" };
    private static readonly Option<string> Type = new("--type") { Description = "The agent type", DefaultValueFactory = _ => "openclaw" };
    private static readonly Option<string?> Team = new("--team") { Description = "The team to take capacity from" };
    private static readonly Option<string?> Provider = new("--provider") { Description = "anthropic, openai or scripted (no network)" };
    private static readonly Option<string?> Model = new("--model") { Description = "The model" };
    private static readonly Option<string?> BaseUrl = new("--base-url") { Description = "Another address of the model's API" };
    private static readonly Option<string?> SystemPrompt = new("--system-prompt") { Description = "What the agent is to be" };
    private static readonly Option<string?> Thinking = new("--thinking") { Description = "none, low, medium or high" };
    private static readonly Option<string[]> Tools = new("--tool") { Description = "A tool to enable: bash, read, write, edit [default: bash]" };
    private static readonly Option<string?> SpawnInfo = new("--spawn-info") { Description = "The agent type's own configuration as a JSON object; the options above are added to it", HelpName = "JSON" };
    private static readonly Option<string?> Transport = new("--transport") { Description = "The format of turns: anthropic or openai" };
    private static readonly Option<string[]> Labels = new("--label") { Description = "A label for finding it again", HelpName = "KEY=VALUE" };
    private static readonly Option<string[]> Env = new("--env") { Description = "A variable of its environment; KEY alone takes this shell's value", HelpName = "KEY[=VALUE]" };
    private static readonly Option<string?> Bus = new("--bus") { Description = "Logs on a bus, and runs a tool only after its commit there: the kernel's own, or the one of this URL", HelpName = "URL", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<bool> DisableSafety = new("--disable-safety") { Description = "With --bus: logs only, and nothing is stopped" };

    public static Command Create()
    {
        var command = new Command("spawn", "Starts an agent and returns when it can take turns. Its nonce is kept in the data directory. Keys come from the kernel's environment (LLM_API_KEY, OPENAI_API_KEY), never from a command line.")
        {
            Name, Type, Team, Provider, Model, BaseUrl, SystemPrompt, Thinking, Tools, SpawnInfo, Transport, Labels, Env, ResourceOptions.Cpu, ResourceOptions.Memory, ResourceOptions.Processes, ResourceOptions.Disk,
            Bus, DisableSafety,
        };
        foreach (var option in LifeOptions.All)
        {
            command.Add(option);
        }

        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var output = new Output(command);
        var request = Request(command);
        using var connection = KernelConnection.Open(command);
        var agent = await output.WhileAsync($"Starting {request.Name} …", () => connection.Kernel.Spawner.SpawnAsync(request, cancellationToken));
        await KeepAsync(connection, agent);
        var ready = agent.Agent.ReadyAt.ToDateTimeOffset() - agent.Agent.CreatedAt.ToDateTimeOffset();
        output.Write(agent.Agent, $"{agent.Agent.Name} {agent.Agent.Id} is ready after {ready.TotalMilliseconds:0} ms");
        return 0;
    }

    private static async Task KeepAsync(KernelConnection connection, OwnedAgent agent)
    {
        try
        {
            connection.Credentials.Add(agent);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // An agent whose nonce nobody has must not stay.
            await connection.Kernel.Spawner.KillAsync(agent);
            throw;
        }
    }

    private static SpawnAgentRequest Request(ParseResult command)
    {
        var request = new SpawnAgentRequest
        {
            Name = command.GetRequiredValue(Name),
            AgentType = command.GetRequiredValue(Type),
            TeamId = command.GetValue(Team) ?? "",
            TransportFormat = command.GetValue(Transport) ?? "",
        };
        if (command.GetResult(Bus) is not null)
        {
            request.Agentbus = new() { Url = command.GetValue(Bus) ?? "", DisableSafety = command.GetValue(DisableSafety) };
        }
        else if (command.GetValue(DisableSafety))
        {
            throw new UsageException("--disable-safety goes with --bus: without a bus nothing watches the agent");
        }

        foreach (var label in command.GetValue(Labels) ?? [])
        {
            var (key, value) = Split("--label", label);
            request.Metadata[key] = value ?? throw new UsageException($"--label is '{label}'; it must be KEY=VALUE");
        }

        foreach (var variable in command.GetValue(Env) ?? [])
        {
            var (key, value) = Split("--env", variable);
            request.Env[key] = value ?? Environment.GetEnvironmentVariable(key) ?? throw new UsageException($"--env {key}: this shell has no such variable");
        }

        request.Resources = ResourceOptions.Read(command);
        LifeOptions.Apply(command, request);

        if (OwnConfiguration(command) is { Count: > 0 } own)
        {
            request.SpawnInfo = Any.Pack(JsonParser.Default.Parse<Struct>(own.ToJsonString()));
        }

        return request;
    }

    private static JsonObject OwnConfiguration(ParseResult command)
    {
        var own = Json.ParseObject("--spawn-info", command.GetValue(SpawnInfo) ?? "{}");
        foreach (var (key, option) in new[] { ("provider", Provider), ("model", Model), ("base_url", BaseUrl), ("system_prompt", SystemPrompt), ("thinking_level", Thinking) })
        {
            if (command.GetValue(option) is { } value)
            {
                own[key] = value;
            }
        }

        if (command.GetValue(Tools) is { Length: > 0 } tools)
        {
            own["tools"] = new JsonArray([.. tools.Select(tool => (JsonNode)tool)]);
        }

        return own;
    }

    private static (string Key, string? Value) Split(string option, string text) => text.IndexOf('=', StringComparison.Ordinal) switch
    {
        0 => throw new UsageException($"{option} is '{text}'; it must begin with a name"),
        < 0 => (text, null),
        var at => (text[..at], text[(at + 1)..]),
    };
}
