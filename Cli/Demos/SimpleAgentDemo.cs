using System.CommandLine;
using AgentKernel.Cli.Commands;
using AgentKernel.Cli.Terminal;
using AgentKernel.Contracts.OpenClaw.V1;

namespace AgentKernel.Cli.Demos;

/// <summary><c>demo simple-agent</c>: one agent, one question, a tool call, the streamed answer, clean-up.</summary>
internal static class SimpleAgentDemo
{
    private static readonly Option<string?> Prompt = new("--prompt") { Description = "Asks this instead", HelpName = "TEXT" };

    public static Command Create()
    {
        var command = new Command("simple-agent", "Spawns one agent, asks it a question that takes a tool, streams the answer, and cleans up.")
        {
            Prompt, KernelOptions.Config, KernelOptions.Backend, KernelOptions.Debug,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var output = new Output(command);
        var model = DemoModel.Choose();
        output.Say(model.Remark);

        await using var kernel = await DemoKernel.StartAsync(command, cancellationToken);
        output.Say(kernel.Remark);

        var agent = await kernel.Client.Spawner.SpawnAsync(
            "simple-agent",
            new OpenClawSpawnInfo { Provider = model.Provider, Model = model.Model, SystemPrompt = "You are a helpful agent on a Linux machine. Use your tools, and answer in one or two sentences." },
            cancellationToken: cancellationToken);
        var took = agent.Agent.ReadyAt.ToDateTimeOffset() - agent.Agent.CreatedAt.ToDateTimeOffset();
        output.Say($"{agent} is ready after {took.TotalMilliseconds:0} ms, as process {agent.Agent.BackendStatus.GetValueOrDefault("pid", "?")}.");

        var question = command.GetValue(Prompt) ?? model.Question("What system is this, and how many processors does it have?", "uname -sr && nproc");
        output.Say($"\n> {question.ReplaceLineEndings("\n> ")}\n");
        await TurnPrinter.For(output, showTools: true).PrintAsync(kernel.Client.Agents.TurnAsync(agent, AskCommand.Body(question), cancellationToken));

        var ended = await kernel.Client.Spawner.KillAsync(agent, cancellationToken);
        output.Say($"\n{ended.Name} is {AgentTable.Word(ended.State)}: {ended.Exit.Reason}. Its workspace is gone.");
        return 0;
    }
}
