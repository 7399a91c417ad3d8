using AgentKernel.Client;
using AgentKernel.ServiceDefaults;
using AgentKernel.Spawner;

namespace AgentKernel.Host;

/// <summary>What was found when something was looked at.</summary>
public enum Verdict
{
    /// <summary>It is as it should be.</summary>
    Good,
    /// <summary>It works, and there is something to know.</summary>
    Note,
    /// <summary>A kernel could not run so.</summary>
    Bad,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Verdict">How it is.</param>
/// <param name="Detail">What was found, and what to do about it.</param>
public sealed record Finding(string Name, Verdict Verdict, string Detail);

/// <summary>Looks at what a kernel needs on this machine; changes nothing but the data directory that it makes where it is missing.</summary>
public static class KernelDoctor
{
    private static readonly string[] Keys = ["LLM_API_KEY", "OPENAI_API_KEY"];

    /// <summary>Looks at everything.</summary>
    public static IReadOnlyList<Finding> Examine(AgentKernelHostOptions options)
    {
        var findings = new List<Finding> { new("runtime", Verdict.Good, $".NET {Environment.Version} on {System.Runtime.InteropServices.RuntimeInformation.OSDescription}, {Environment.ProcessorCount} processors") };
        DataDirectory home;
        try
        {
            home = new DataDirectory(options.Home);
            var probe = home.Combine("doctor.tmp");
            DataDirectory.WriteAtomically(probe, "ok"u8);
            File.Delete(probe);
            findings.Add(new("data directory", Verdict.Good, $"{home.Path} is writable"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            findings.Add(new("data directory", Verdict.Bad, $"not writable ({exception.Message}); set {DataDirectory.HomeVariable} to one that is"));
            return findings;
        }

        findings.AddRange(SpawnerDoctor.ExamineBackends(options.Spawner).Select(backend => new Finding(
            $"backend {backend.Name}",
            backend switch { { Usable: true, Isolated: true } => Verdict.Good, { Usable: false, Chosen: true } => Verdict.Bad, _ => Verdict.Note },
            backend.Detail)));
        var (held, how) = SpawnerDoctor.ExamineLimits();
        findings.Add(new("limits", held ? Verdict.Good : Verdict.Note, how));
        findings.AddRange(SpawnerDoctor.ExamineAgentTypes(options.Spawner).Select(type => new Finding($"agent {type.Name}", type.Problem is null ? Verdict.Good : Verdict.Bad, type.Problem ?? type.Program)));
        findings.AddRange(Keys.Select(key => Environment.GetEnvironmentVariable(key) is { Length: > 0 }
            ? new Finding(key, Verdict.Good, "is set, and is forwarded to agents")
            : new Finding(key, Verdict.Note, "is not set; agents use what spawn_info or model_access gives them, or the scripted model")));
        findings.Add(KernelEndpoints.Read(home) is { } endpoints
            ? new("kernel", Verdict.Good, $"one has been started here; it listens on {endpoints.Http.Authority} (HTTP) and {endpoints.Grpc.Authority} (gRPC)")
            : new("kernel", Verdict.Note, "none runs here; 'agentkernel up' starts one"));
        return findings;
    }
}
