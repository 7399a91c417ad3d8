// Fan-out and fan-in: five specialists are asked at the same time, and one editor gets all their answers.
//   dotnet run --project examples/FanOut -- "the tides"
using AgentKernel.Client;
using AgentKernel.Contracts.OpenClaw.V1;
using AgentKernel.Examples;
using AgentKernel.Host;

var topic = args.Length > 0 ? args[0] : "the tides";
var provider = ModelChoice.Provider();
string[] fields = ["physics", "biology", "history", "navigation", "poetry"];

await using var kernel = await AgentKernelHost.StartAsync(new() { Ephemeral = true });
await kernel.Client.Spawner.CreateTeamAsync("fan-out", new() { Cpu = 6 });

var specialists = await Task.WhenAll(fields.Select(field => kernel.Client.Spawner.SpawnAsync(
    field,
    new OpenClawSpawnInfo { Provider = provider, SystemPrompt = $"You are a specialist in {field}. Answer in one sentence.", NoTools = true },
    teamId: "fan-out",
    metadata: new Dictionary<string, string> { ["role"] = "specialist" })));

var answers = await Task.WhenAll(specialists.Select(agent => kernel.Client.AskAsync(agent, $"What does {agent.Agent.Name} say of {topic}?")));

var editor = await kernel.Client.Spawner.SpawnAsync(
    "editor", new OpenClawSpawnInfo { Provider = provider, SystemPrompt = "You make one paragraph of several answers.", NoTools = true }, teamId: "fan-out");
Console.WriteLine(await kernel.Client.AskAsync(editor, string.Join('\n', answers)));

var killed = await kernel.Client.CleanupAsync();
Console.WriteLine($"({killed.Count} agents cleaned up)");
