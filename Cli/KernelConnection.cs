using System.CommandLine;
using AgentKernel.Client;
using AgentKernel.Contracts.V1;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Cli;

/// <summary>A command's connection to the running kernel, and the agents it names there.</summary>
internal sealed class KernelConnection : IDisposable
{
    private KernelConnection(DataDirectory home)
    {
        Kernel = AgentKernelClient.Connect(home.Path);
        Credentials = new(home);
    }

    public AgentKernelClient Kernel { get; }

    public Credentials Credentials { get; }

    /// <exception cref="InvalidOperationException">No kernel runs on the data directory.</exception>
    public static KernelConnection Open(ParseResult command) => new(new(command.GetValue(CommonOptions.Home)));

    /// <summary>The agent that a name or the beginning of an id means; a living one before one that has ended.</summary>
    /// <exception cref="UsageException">None, or more than one.</exception>
    public async Task<Agent> FindAsync(string nameOrId, CancellationToken cancellationToken)
    {
        if (nameOrId.Length == 0)
        {
            throw new UsageException("an agent's name or the beginning of its id is wanted, and was empty");
        }

        var all = await Kernel.Spawner.ListAsync(cancellationToken: cancellationToken);
        var named = all.Where(agent => agent.Name == nameOrId).ToList();
        var meant = named.Count > 0 ? named : all.Where(agent => agent.Id.StartsWith(nameOrId, StringComparison.Ordinal)).ToList();
        var found = meant.Exists(agent => agent.Live) ? meant.FindAll(agent => agent.Live) : meant;
        return found switch
        {
            [var agent] => agent,
            [] => throw new UsageException($"there is no agent '{nameOrId}'; 'agentkernel status' lists them"),
            _ => throw new UsageException($"'{nameOrId}' is ambiguous: {string.Join(", ", found.Select(agent => $"{agent.Name} {agent.Id}"))}"),
        };
    }

    /// <summary>The agent, and the nonce that was kept when it was spawned from here.</summary>
    /// <exception cref="UsageException">None, more than one, or one that is not owned from here.</exception>
    public async Task<OwnedAgent> FindOwnedAsync(string nameOrId, CancellationToken cancellationToken)
    {
        var agent = await FindAsync(nameOrId, cancellationToken);
        return new(agent, Credentials.NonceOf(agent.Id)
            ?? throw new UsageException($"agent '{agent.Name}' was not spawned from this data directory's command line, so its nonce is not here; only its owner can talk to it"));
    }

    public void Dispose() => Kernel.Dispose();
}
