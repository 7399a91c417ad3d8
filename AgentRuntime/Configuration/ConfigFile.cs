using System.Text;
using System.Text.Json;
using AgentKernel.AgentRuntime.Bus;

namespace AgentKernel.AgentRuntime.Configuration;

/// <summary>Reads the configuration document that the spawner wrote, and applies defaults and precedence.</summary>
internal static class ConfigFile
{
    private const string DefaultSystemPrompt =
        "You are a helpful assistant working in your own workspace directory. Use your tools when they help, and answer concisely.";
    private const int DefaultMaxSteps = 50;
    private const int MaxSocketPath = 107;

    /// <exception cref="ConfigException">It cannot be read, or a key has a value that it may not have.</exception>
    public static AgentConfig Load(string[] args, ModelKeys environmentKeys)
    {
        if (args is not ["--config", var path])
            throw new ConfigException("usage: agent-runtime --config <file.json>");
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"cannot read the config file: {e.Message}");
        }
        using var document = Parse(bytes, "the config file");
        return Read(new ConfigKeys(document.RootElement), environmentKeys);
    }

    /// <summary>Parses a JSON object; <paramref name="what"/> names it in the error.</summary>
    public static JsonDocument Parse(ReadOnlyMemory<byte> utf8, string what)
    {
        try
        {
            var document = JsonDocument.Parse(utf8);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return document;
            document.Dispose();
        }
        catch (JsonException e)
        {
            throw new ConfigException($"{what} is not JSON: {e.Message}");
        }
        throw new ConfigException($"{what} must be a JSON object");
    }

    private static AgentConfig Read(ConfigKeys kernel, ModelKeys environmentKeys)
    {
        using var spawnInfo = kernel.Section("spawn_info") is { } section ? SpawnInfo.Unpack(section) : null;
        var own = spawnInfo is null ? kernel : new ConfigKeys(spawnInfo.RootElement, "spawn_info.");
        return new AgentConfig
        {
            AgentId = kernel.RequiredText("agent_id"),
            ChannelToken = kernel.RequiredText("nonce"),
            Name = kernel.Text("name") ?? "agent",
            AgentType = kernel.Text("agent_type") ?? "openclaw",
            Endpoint = ReadEndpoint(kernel),
            TransportFormat = kernel.OneOf("transport_format", "anthropic", "openai") == "openai" ? TransportFormat.OpenAI : TransportFormat.Anthropic,
            Model = ModelPrecedence.Resolve(own, kernel.Section("model_access"), environmentKeys),
            SystemPrompt = own.Text("system_prompt") ?? DefaultSystemPrompt,
            Tools = ReadTools(own),
            ImagePath = kernel.Text("image_path"),
            SetupScript = kernel.Text("setup_script") is not { } script ? null
                : Bundles.LoadedBundles.Decode(script) ?? throw new ConfigException("config key 'setup_script' must be base64"),
            Bus = BusSettings.Read(kernel),
            MaxSteps = own.Whole("max_steps", 0, 1_000_000) is > 0 and var steps ? steps : DefaultMaxSteps,
        };
    }

    private static AgentEndpoint ReadEndpoint(ConfigKeys kernel) => (kernel.Text("unix_socket"), kernel.Whole("http_port", 0, 65535)) switch
    {
        ({ } path, null) when Encoding.UTF8.GetByteCount(Path.GetFullPath(path)) > MaxSocketPath =>
            throw new ConfigException($"config key 'unix_socket' is longer than {MaxSocketPath} bytes, which is what the system takes"),
        ({ } path, null) => new UnixSocketEndpoint(Path.GetFullPath(path)),
        (null, { } port) => new LoopbackEndpoint(port),
        _ => throw new ConfigException("exactly one of the config keys 'unix_socket' and 'http_port' must be set"),
    };

    private static IReadOnlyList<string> ReadTools(ConfigKeys own)
    {
        var named = own.Texts("tools");
        if (own.Flag("no_tools"))
            return named is null or [] ? [] : throw new ConfigException("config keys 'tools' and 'no_tools' exclude each other");
        return named is null ? [Tools.ToolNames.Bash] : Tools.ToolNames.Check(named);
    }
}
