using System.CommandLine;
using AgentKernel.Cli.Terminal;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Cli.Commands;

/// <summary><c>info</c>: what an agent tells of itself.</summary>
internal static class InfoCommand
{
    private static readonly Argument<string> Agent = AgentArgument.Create();

    public static Command Create()
    {
        var command = new Command("info", "Prints what an agent tells of itself: pid, cwd, uid, model, tokens used.") { Agent };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var agent = await connection.FindOwnedAsync(command.GetRequiredValue(Agent), cancellationToken);
        var info = await connection.Kernel.Agents.GetInfoAsync(agent, cancellationToken);
        var width = info.Fields.Keys.Max(key => key.Length);
        new Output(command).Write(info, string.Join('\n', info.Fields.Select(field => $"{field.Key.PadRight(width)}  {Text(field.Value)}")));
        return 0;
    }

    private static string Text(Value value) => value.KindCase is Value.KindOneofCase.StringValue ? value.StringValue : value.ToString();
}
