using System.CommandLine;
using System.Runtime.InteropServices;
using AgentKernel.Cli.Terminal;
using AgentKernel.Client;
using AgentKernel.Rpc;
using Spectre.Console;

namespace AgentKernel.Cli.Commands;

/// <summary><c>chat</c>: turn after turn, until the input ends.</summary>
internal static class ChatCommand
{
    private static readonly Argument<string> Agent = AgentArgument.Create();

    public static Command Create()
    {
        var command = new Command("chat", "Talks to an agent line by line. Ctrl-C cancels a running turn; Ctrl-D or /exit ends the chat and leaves the agent running.") { Agent };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var agent = await connection.FindOwnedAsync(command.GetRequiredValue(Agent), cancellationToken);
        var output = new Output(command);
        output.Remark($"Talking to {agent}. Ctrl-D ends the chat.");
        while (ReadLine() is { } line && line.Trim() is not "/exit")
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                await TurnAsync(connection.Kernel, agent, line, output);
            }
        }

        return 0;

        string? ReadLine()
        {
            if (!output.Json && !Console.IsInputRedirected && !Console.IsOutputRedirected)
            {
                AnsiConsole.Markup("[green]>[/] ");
            }

            return Console.In.ReadLine();
        }
    }

    private static async Task TurnAsync(AgentKernelClient kernel, OwnedAgent agent, string line, Output output)
    {
        using var cancelled = new CancellationTokenSource();
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true; // of this turn alone
            cancelled.Cancel();
        });
        try
        {
            await TurnPrinter.For(output).PrintAsync(kernel.Agents.TurnAsync(agent, AskCommand.Body(line), cancelled.Token));
        }
        catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("(cancelled)");
        }
        catch (Exception exception) when (exception is AgentTurnException || exception is RpcException { Code: not RpcStatusCode.FailedPrecondition })
        {
            await Console.Error.WriteLineAsync($"agentkernel: {exception.Message}"); // the next line may do better
        }
    }
}
