using System.CommandLine;
using AgentKernel.Cli.Commands;
using AgentKernel.Client;
using AgentKernel.Host;

namespace AgentKernel.Cli.Demos;

/// <summary>The kernel that a demo uses: the services that the environment names, else one of its own that is gone afterwards.</summary>
internal sealed class DemoKernel : IAsyncDisposable
{
    private readonly AgentKernelHost? _own;

    private DemoKernel(AgentKernelClient client, AgentKernelHost? own) => (Client, _own) = (client, own);

    public AgentKernelClient Client { get; }

    /// <summary>Where it is, in a sentence.</summary>
    public string Remark => _own is null ? "Using the services that the environment names." : $"The kernel listens on {_own.Endpoints.Http.Authority}.";

    public static async Task<DemoKernel> StartAsync(ParseResult command, CancellationToken cancellationToken)
    {
        if (AgentKernelClient.ConnectToServices() is { } services)
        {
            return new(services, own: null);
        }

        var own = await AgentKernelHost.StartAsync(KernelOptions.Read(command) with { Ephemeral = true }, cancellationToken);
        return new(own.Client, own);
    }

    public ValueTask DisposeAsync()
    {
        Client.Dispose();
        return _own?.DisposeAsync() ?? default;
    }
}
