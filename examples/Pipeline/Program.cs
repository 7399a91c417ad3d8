// A pipeline: one agent's answer is the next one's question.
//   dotnet run --project examples/Pipeline -- "the tides"
using AgentKernel.Client;
using AgentKernel.Contracts.OpenClaw.V1;
using AgentKernel.Examples;
using AgentKernel.Host;

var topic = args.Length > 0 ? args[0] : "the tides";
var provider = ModelChoice.Provider();

await using var kernel = await AgentKernelHost.StartAsync(new() { Ephemeral = true });
var researcher = await SpawnAsync("researcher", "You gather facts. Answer with a short list.");
var analyst = await SpawnAsync("analyst", "You look for what matters in a list of facts.");

var facts = await kernel.Client.AskAsync(researcher, $"Gather facts about {topic}.");
Console.WriteLine($"researcher: {facts}");
var analysis = await kernel.Client.AskAsync(analyst, $"Analyse this:\n{facts}");
Console.WriteLine($"analyst: {analysis}");

await kernel.Client.CleanupAsync();

Task<OwnedAgent> SpawnAsync(string name, string systemPrompt) =>
    kernel.Client.Spawner.SpawnAsync(name, new OpenClawSpawnInfo { Provider = provider, SystemPrompt = systemPrompt, NoTools = true });
