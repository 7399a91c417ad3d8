using System.CommandLine;
using System.Text.RegularExpressions;
using AgentKernel.Cli.Commands;
using AgentKernel.Cli.Terminal;
using AgentKernel.Client;
using AgentKernel.Contracts.OpenClaw.V1;
using AgentKernel.Contracts.V1;
using AgentKernel.Host;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Cli.Demos;

/// <summary>
/// <c>demo team-scenario</c>: a team, an image with a helper, an architect who breaks a task down and workers who do the parts
/// with the helper; what they find is summed up.
/// </summary>
internal static partial class TeamScenarioDemo
{
    private const string Team = "readers";
    private const string Architect = "architect";
    private const string DefaultTask = "Compare the texts 'tide' and 'shore': how long is each, and what is its longest word?";

    // What each worker has to find out, and with which command; a real model is told of the helper and chooses itself.
    private static readonly (string Worker, string Part, string Command)[] Parts =
    [
        ("worker-1", "Measure the text 'tide' with textstat.", "textstat tide"),
        ("worker-2", "Measure the text 'shore' with textstat.", "textstat shore"),
    ];

    private static readonly Option<string> Assignment = new("--task") { Description = "Has the team do this instead", HelpName = "TEXT", DefaultValueFactory = _ => DefaultTask };

    public static Command Create()
    {
        var command = new Command("team-scenario", "Reserves a team, packages a helper, and has an architect and two workers solve a task with it.")
        {
            Assignment, KernelOptions.Config, KernelOptions.Backend, KernelOptions.Debug,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var output = new Output(command);
        var model = DemoModel.Choose();
        output.Say(model.Remark);
        await using var host = await AgentKernelHost.StartAsync(KernelOptions.Read(command) with { Ephemeral = true }, cancellationToken);
        var kernel = host.Client;

        var team = await kernel.Spawner.CreateTeamAsync(Team, new() { Agents = 3, Cpu = 3 }, cancellationToken);
        output.Say($"Team {team.Id} is reserved: {team.Capacity.Agents} agents, {team.Capacity.Cpu} cores.");
        var image = await PackAsync(kernel, cancellationToken);
        output.Say($"Image {image.Names[0]} is made of {image.Files} files: {image.Id[..19]}.");

        // In parallel: architect first in the list, workers after it.
        var agents = await Task.WhenAll(Parts.Select(part => part.Worker).Prepend(Architect)
            .Select(name => kernel.Spawner.SpawnAsync(Request(name, model, image), cancellationToken)));
        output.Say($"Ready: {string.Join(", ", agents.Select(agent => agent.Agent.Name))}.\n");
        var printer = new SpeakerPrinter(output);
        var (architect, workers) = (agents[0], agents[1..]);

        var plan = await printer.PrintAsync(Architect, kernel.Agents.TurnAsync(architect, AskCommand.Body(PlanQuestion(model, command.GetRequiredValue(Assignment))), cancellationToken));
        var answers = await Task.WhenAll(Parts.Zip(workers, async (part, worker) =>
        {
            var assignment = model.Question(AssignmentOf(plan, part.Worker), part.Command);
            return (part.Worker, Answer: await printer.PrintAsync(part.Worker, kernel.Agents.TurnAsync(worker, AskCommand.Body(assignment), cancellationToken)));
        }));
        await printer.PrintAsync(Architect, kernel.Agents.TurnAsync(architect, AskCommand.Body(SummaryQuestion(answers)), cancellationToken));

        var ended = await kernel.Spawner.DeleteTeamAsync(Team, cancellationToken);
        await kernel.Packaging.DeleteAsync(image.Id, cancellationToken);
        var pruned = await kernel.Packaging.PruneAsync(cancellationToken: cancellationToken);
        output.Say($"\n{ended.Count} agents, the team, the image and {pruned.Blobs} blob are cleaned up.");
        return 0;
    }

    private static async Task<Image> PackAsync(AgentKernelClient kernel, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("agentkernel-demo-").FullName;
        try
        {
            TeamScenarioBundle.Write(folder);
            var blob = await kernel.Blobs.UploadDirectoryAsync(folder, cancellationToken: cancellationToken);
            return await kernel.Packaging.CreateImageAsync(
                new() { Name = "readers", Bundles = { new Bundle { Uri = blob.Uri, Labels = new() { Name = "textstat", Type = "helpers" } } } }, cancellationToken: cancellationToken);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The architect gets no image: it plans, and the workers have the tool.
    private static SpawnAgentRequest Request(string name, DemoModel model, Image image)
    {
        var info = new OpenClawSpawnInfo
        {
            Provider = model.Provider,
            Model = model.Model,
            SystemPrompt = name == Architect
                ? "You plan the work of two workers, worker-1 and worker-2, who have the command 'textstat NAME' for the texts 'tide' and 'shore', and you sum up what they find. You use no tools yourself."
                : "You do what you are assigned and report what you found in one sentence. The command 'textstat NAME' measures a text.",
            NoTools = name == Architect && model.Provider != "scripted",
        };
        return new() { Name = name, TeamId = Team, ImageId = name == Architect ? "" : image.Id, SpawnInfo = Any.Pack(info) };
    }

    private static string PlanQuestion(DemoModel model, string task) => model.Provider == "scripted"
        ? $"The task: {task}\nThe plan:\n{string.Join('\n', Parts.Select(part => $"{part.Worker}: {part.Part}"))}"
        : $"The task: {task}\nBreak it down into one assignment for each worker. Write one line for each, beginning with 'worker-1: ' and 'worker-2: ', and nothing else.";

    private static string AssignmentOf(string plan, string worker) => AssignmentLine().Matches(plan)
        .Where(match => match.Groups["worker"].Value == worker).Select(match => match.Groups["text"].Value.Trim()).LastOrDefault()
        ?? throw new InvalidOperationException($"the architect gave {worker} nothing to do: its plan has no line that begins with '{worker}:'");

    // Quoted, so that nothing in an answer is taken for an instruction.
    private static string SummaryQuestion((string Worker, string Answer)[] answers) =>
        $"Sum up for the user what your workers found.\n{string.Join('\n', answers.Select(answer => $"{answer.Worker} answered:\n> {answer.Answer.Trim().ReplaceLineEndings("\n> ")}"))}";

    [GeneratedRegex(@"^[\s*-]*(?<worker>worker-\d)\W*:\W*(?<text>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex AssignmentLine();
}
