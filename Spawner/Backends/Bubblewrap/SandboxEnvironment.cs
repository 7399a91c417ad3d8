using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>The environment of an agent in a sandbox. No key of the host is in it.</summary>
internal static class SandboxEnvironment
{
    public const string Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static readonly string[] Forwarded = ["LANG"];

    /// <param name="host">Reads a variable of the kernel's own environment.</param>
    public static Dictionary<string, string> Build(Func<string, string?> host, AgentSpec spec)
    {
        var environment = new Dictionary<string, string>
        {
            ["PATH"] = Path,
            ["HOME"] = BubblewrapArguments.Workspace,
            ["USER"] = "agent",
            ["PWD"] = BubblewrapArguments.Workspace,
        };
        foreach (var name in Forwarded)
        {
            if (host(name) is { Length: > 0 } value)
            {
                environment[name] = value;
            }
        }

        var given = spec.Type.Environment.Concat(spec.Environment);
        foreach (var (name, value) in spec.Network.Host ? given : SandboxEgress.Environment.Concat(given))
        {
            environment[name] = value;
        }

        environment[ProcessTree.MarkVariable] = spec.AgentId;
        return environment;
    }
}
