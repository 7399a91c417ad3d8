using System.CommandLine;
using AgentKernel.Cli;
using AgentKernel.Cli.Commands;
using AgentKernel.Cli.Commands.Bus;
using AgentKernel.Cli.Demos;

var root = new RootCommand("Run teams of LLM agents: start a kernel, spawn agents, talk to them, end them.")
{
    CommonOptions.Home,
    CommonOptions.Json,
    new Command("demo", "Shows what a kernel does, in a kernel of its own that is gone afterwards.")
    {
        SimpleAgentDemo.Create(),
        TeamScenarioDemo.Create(),
        AgentBusDemo.Create(),
    },
    UpCommand.Create(),
    SpawnCommand.Create(),
    AskCommand.Create(),
    ChatCommand.Create(),
    HistoryCommand.Create(),
    InfoCommand.Create(),
    ControlCommand.Create(),
    CancelCommand.Create(),
    StatusCommand.Create(),
    LogsCommand.Create(),
    KillCommand.Create(),
    CleanupCommand.Create(),
    TeamCommand.Create(),
    PackageCommand.Create(),
    ImagesCommand.Create(),
    BlobCommand.Create(),
    BusCommand.Create(),
    DoctorCommand.Create(),
};

return await CommandLine.RunAsync(root, args);
