using AgentKernel.Spawner.AgentTypes;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace AgentKernel.Host;

/// <summary>
/// Reads <c>agentkernel.yaml</c>. All keys are optional; one that is not known is an error, so that a typo is never
/// silently a default.
/// </summary>
/// <example>
/// <code>
/// backend: local
/// debug: false
/// agent_types:
///   my-agent:
///     command: [node, ./agent.mjs]
///     listen: http_port
///     ready: health
/// </code>
/// </example>
public static class KernelConfigFile
{
    /// <summary>Reads a file into options; what it does not name stays as in <paramref name="defaults"/>.</summary>
    /// <exception cref="InvalidDataException">The file is missing or malformed; the message names the line and the key.</exception>
    public static AgentKernelHostOptions Read(string path, AgentKernelHostOptions? defaults = null)
    {
        defaults ??= new();
        var file = Parse(path);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var types = (file.AgentTypes ?? []).Select(type => TypeOf(type.Key, type.Value ?? new(), folder, path));
        return defaults with
        {
            Spawner = defaults.Spawner with
            {
                Backend = file.Backend ?? defaults.Spawner.Backend,
                Debug = file.Debug ?? defaults.Spawner.Debug,
                AgentTypes = [.. defaults.Spawner.AgentTypes, .. types],
                CpuOvercommit = file.CpuOvercommit ?? defaults.Spawner.CpuOvercommit,
                MemoryOvercommit = file.MemoryOvercommit ?? defaults.Spawner.MemoryOvercommit,
            },
            Packaging = defaults.Packaging with
            {
                MaxBlobBytes = file.MaxBlobBytes ?? defaults.Packaging.MaxBlobBytes,
                BlobStore = file.BlobStore ?? defaults.Packaging.BlobStore,
                BlobStoreEndpoint = file.BlobStoreEndpoint is null ? defaults.Packaging.BlobStoreEndpoint
                    : Uri.TryCreate(file.BlobStoreEndpoint, UriKind.Absolute, out var endpoint) ? endpoint
                    : throw new InvalidDataException($"{path}: blob_store_endpoint must be http://host:port or https://host:port"),
                RegistryUrl = file.RegistryUrl ?? defaults.Packaging.RegistryUrl,
                BaseImage = file.BaseImage ?? defaults.Packaging.BaseImage,
                FileRoots = file.FileRoots ?? defaults.Packaging.FileRoots,
            },
        };
    }

    private static AgentType TypeOf(string name, AgentTypeEntry entry, string folder, string path)
    {
        if (entry.Command is not { Count: > 0 } command)
        {
            throw new InvalidDataException($"{path}: agent_types.{name}.command must be a list that begins with the program");
        }

        return new()
        {
            Name = name,
            // What is written as a path is meant from the file's own folder, wherever the kernel is started.
            Command = [.. command.Select(word => word.StartsWith("./", StringComparison.Ordinal) || word.StartsWith("../", StringComparison.Ordinal) ? Path.GetFullPath(word, folder) : word)],
            Listen = entry.Listen switch
            {
                null or "http_port" => AgentListener.HttpPort,
                "unix_socket" => AgentListener.UnixSocket,
                _ => throw new InvalidDataException($"{path}: agent_types.{name}.listen must be http_port or unix_socket"),
            },
            Ready = entry.Ready switch
            {
                null or "health" => AgentReadiness.Health,
                "notify" => AgentReadiness.Notify,
                _ => throw new InvalidDataException($"{path}: agent_types.{name}.ready must be health or notify"),
            },
            TransportFormats = entry.TransportFormats ?? [],
            SetupScripts = entry.SetupScripts,
            Environment = entry.Env ?? [],
        };
    }

    private static ConfigEntries Parse(string path)
    {
        try
        {
            return new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build().Deserialize<ConfigEntries?>(File.ReadAllText(path)) ?? new();
        }
        catch (IOException exception)
        {
            throw new InvalidDataException($"{path} could not be read: {exception.Message}", exception);
        }
        catch (YamlException exception)
        {
            throw new InvalidDataException($"{path}, line {exception.Start.Line}: {exception.InnerException?.Message ?? exception.Message}", exception);
        }
    }

    private sealed class ConfigEntries
    {
        public string? Backend { get; set; }

        public bool? Debug { get; set; }

        public double? CpuOvercommit { get; set; }

        public double? MemoryOvercommit { get; set; }

        public Dictionary<string, AgentTypeEntry?>? AgentTypes { get; set; }

        public long? MaxBlobBytes { get; set; }

        public string? BlobStore { get; set; }

        public string? BlobStoreEndpoint { get; set; }

        public string? RegistryUrl { get; set; }

        public string? BaseImage { get; set; }

        public List<string>? FileRoots { get; set; }
    }

    private sealed class AgentTypeEntry
    {
        public List<string>? Command { get; set; }

        public string? Listen { get; set; }

        public string? Ready { get; set; }

        public bool SetupScripts { get; set; }

        public List<string>? TransportFormats { get; set; }

        public Dictionary<string, string>? Env { get; set; }
    }
}
