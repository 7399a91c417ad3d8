using System.CommandLine;
using System.Text.Json;
using AgentKernel.Cli.Terminal;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Cli.Commands;

/// <summary><c>control</c>: an operation of the agent type's own.</summary>
internal static class ControlCommand
{
    private static readonly Argument<string> Agent = AgentArgument.Create();
    private static readonly Argument<string> Operation = new("OPERATION") { Description = """A JSON object, e.g. {"operation": "list_tools"}; or just the operation's name""" };

    public static Command Create()
    {
        var command = new Command("control", "Sends an agent an operation of its type's own. openclaw knows list_tools, list_skills, load_bundle, set_system_prompt and clear_history.") { Agent, Operation };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var text = command.GetRequiredValue(Operation);
        var operation = text.StartsWith('{')
            ? JsonParser.Default.Parse<Struct>(Json.ParseObject("OPERATION", text).ToJsonString())
            : new Struct { Fields = { ["operation"] = Value.ForString(text) } };
        using var connection = KernelConnection.Open(command);
        var agent = await connection.FindOwnedAsync(command.GetRequiredValue(Agent), cancellationToken);
        var answer = await connection.Kernel.Agents.ControlAsync(agent, operation, cancellationToken);
        new Output(command).Write(answer, Output.ToJson(answer).ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        return 0;
    }
}
