using System.CommandLine;
using System.ComponentModel;
using System.Runtime.InteropServices;
using AgentKernel.Client;
using AgentKernel.Rpc;

namespace AgentKernel.Cli;

/// <summary>Runs a command line: signals, errors and exit codes (0 done, 1 failed, 2 wrong usage) are the same for all commands.</summary>
internal static class CommandLine
{
    private const int Failed = 1;
    private const int WrongUsage = 2;

    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        using var interrupted = new CancellationTokenSource();
        // The first signal asks the command to end in good order; the second is not held up any more.
        void Interrupt(PosixSignalContext context)
        {
            context.Cancel = !interrupted.IsCancellationRequested;
            interrupted.Cancel();
        }

        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        using var onHangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Interrupt); // the terminal was closed

        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync(error.Message);
            }

            await Console.Error.WriteLineAsync($"Try 'agentkernel {string.Join(' ', CommandPath(parsed.CommandResult))}--help'.");
            return WrongUsage;
        }

        using var trace = new CommandTrace($"agentkernel {string.Join(' ', CommandPath(parsed.CommandResult))}".TrimEnd());
        try
        {
            return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupted.Token);
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            trace.Failed("canceled");
            return Failed;
        }
        catch (UsageException exception)
        {
            return await ReportAsync(exception.Message, WrongUsage);
        }
        catch (RpcException exception) when (exception.Code is RpcStatusCode.InvalidArgument)
        {
            return await ReportAsync(exception.Message, WrongUsage);
        }
        catch (Exception exception) when (exception is RpcException or AgentTurnException or InvalidOperationException or InvalidDataException or IOException or Win32Exception or UnauthorizedAccessException)
        {
            trace.Failed(exception.GetType().Name);
            return await ReportAsync(exception.Message, Failed);
        }
    }

    private static IEnumerable<string> CommandPath(System.CommandLine.Parsing.CommandResult command)
    {
        var names = new List<string>();
        for (System.CommandLine.Parsing.SymbolResult? result = command; result?.Parent is not null; result = result.Parent)
        {
            if (result is System.CommandLine.Parsing.CommandResult inner)
            {
                names.Insert(0, inner.Command.Name);
            }
        }

        return names.Append("");
    }

    private static async Task<int> ReportAsync(string message, int code)
    {
        await Console.Error.WriteLineAsync($"agentkernel: {message}");
        return code;
    }
}

/// <summary>The command was asked for something that makes no sense as it stands; exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
