using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using AgentKernel.AgentGateway;
using AgentKernel.Cli.Terminal;
using AgentKernel.Host;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Cli.Commands;

/// <summary><c>up</c>: the whole kernel in this process, until a signal.</summary>
internal static class UpCommand
{
    private static readonly Option<string> Http = new("--http") { Description = "Where to serve HTTP: turns as server-sent events, Connect", HelpName = "ADDRESS:PORT", DefaultValueFactory = _ => "127.0.0.1:8080" };
    private static readonly Option<string> Grpc = new("--grpc") { Description = "Where to serve gRPC", HelpName = "ADDRESS:PORT", DefaultValueFactory = _ => "127.0.0.1:8081" };
    private static readonly Option<bool> Keep = new("--keep") { Description = "Leaves the agents running at the end; the next start takes them up again" };

    public static Command Create()
    {
        var command = new Command("up", "Runs a kernel here until Ctrl-C. Port 0 takes a free one. The other commands find it through the data directory.")
        {
            Http, Grpc, Keep, KernelOptions.Config, KernelOptions.Backend, KernelOptions.Debug,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult command, CancellationToken cancellationToken)
    {
        InlineSockets.Enable();
        var output = new Output(command);
        var options = KernelOptions.Read(command) with { Http = Endpoint(command, Http), Grpc = Endpoint(command, Grpc) };
        options = options with { Spawner = options.Spawner with { KeepAgents = command.GetValue(Keep) } };
        if (!(IPAddress.IsLoopback(options.Http.Address) && IPAddress.IsLoopback(options.Grpc.Address)))
        {
            output.Remark("Listening beyond this machine: callers need the operator's token, and the traffic is not encrypted.");
        }

        // Those that were kept before this kernel began: other commands may add to them as soon as it listens.
        var credentials = new Credentials(new DataDirectory(options.Home));
        var known = credentials.AgentIds;
        await using var host = await AgentKernelHost.StartAsync(options, cancellationToken);
        var agents = await host.Client.Spawner.ListAsync(liveOnly: true, cancellationToken: cancellationToken);
        credentials.Remove(known.Except(agents.Select(agent => agent.Id)).ToHashSet(StringComparer.Ordinal));
        if (output.Json)
        {
            Output.WriteJson(new JsonObject
            {
                ["http"] = host.Endpoints.Http.GetLeftPart(UriPartial.Authority),
                ["grpc"] = host.Endpoints.Grpc.GetLeftPart(UriPartial.Authority),
                ["home"] = host.Home,
                ["token"] = host.OperatorToken,
            });
        }
        else
        {
            Console.WriteLine($"""
                The kernel is up. Backend: {options.Spawner.Backend}. Agents taken up again: {agents.Count}.
                  http   {host.Endpoints.Http.GetLeftPart(UriPartial.Authority)}
                  grpc   {host.Endpoints.Grpc.GetLeftPart(UriPartial.Authority)}
                  home   {host.Home} (the operator's token is in the file operator-token)
                Ctrl-C stops it{(options.Spawner.KeepAgents ? "" : " and all agents")}.
                """);
        }

        await Task.Delay(Timeout.Infinite, cancellationToken).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        output.Remark("Stopping …");
        return 0;
    }

    private static IPEndPoint Endpoint(ParseResult command, Option<string> option) =>
        IPEndPoint.TryParse(command.GetRequiredValue(option), out var endpoint) && command.GetRequiredValue(option).Contains(':', StringComparison.Ordinal)
            ? endpoint
            : throw new UsageException($"{option.Name} is '{command.GetRequiredValue(option)}'; it must be an IP address and a port, like 127.0.0.1:8080");
}
