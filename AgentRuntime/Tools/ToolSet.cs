using System.Text.Json;
using AgentKernel.AgentRuntime.Bundles;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>The tools of one agent. Disposing ends whatever they have left running.</summary>
internal sealed class ToolSet : IAsyncDisposable
{
    private readonly Dictionary<string, ITool> _tools = [];
    private readonly Shell _shell;
    private readonly Workspace _workspace;

    public ToolSet(IReadOnlyList<string> names, Workspace workspace, BundleSet bundles, IReadOnlyCollection<string> secrets)
    {
        _workspace = workspace;
        _shell = new Shell(workspace, bundles, secrets);
        foreach (var name in names)
        {
            _tools[name] = name switch
            {
                ToolNames.Bash => new BashTool(_shell),
                ToolNames.Read => new ReadTool(workspace),
                ToolNames.Write => new WriteTool(workspace),
                ToolNames.Edit => new EditTool(workspace),
                _ => throw new ArgumentOutOfRangeException(nameof(names), name, "not a tool"),
            };
        }
        Definitions = [.. _tools.Values.Select(tool => tool.Definition)];
    }

    public IReadOnlyList<ToolDefinition> Definitions { get; }

    /// <summary>The agent's own folder.</summary>
    public string Workspace => _workspace.Root;

    /// <summary>The folder that the next shell command begins in.</summary>
    public string Folder => _shell.Folder;

    /// <param name="inputJson">As the model wrote it, which need not be JSON when it was cut off.</param>
    public async Task<ToolOutput> RunAsync(string name, string inputJson, CancellationToken cancellationToken)
    {
        if (!_tools.TryGetValue(name, out var tool))
            return ToolOutput.Error($"There is no tool '{name}'. Tools: {string.Join(", ", _tools.Keys)}.");
        try
        {
            using var input = JsonDocument.Parse(inputJson);
            if (input.RootElement.ValueKind != JsonValueKind.Object)
                return ToolOutput.Error("The tool's input must be a JSON object.");
            return await tool.RunAsync(input.RootElement, cancellationToken);
        }
        catch (JsonException)
        {
            return ToolOutput.Error("The tool's input is not complete JSON; it was probably cut off. Try again with less of it.");
        }
        catch (ToolInputException e)
        {
            return ToolOutput.Error(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ToolOutput.Error($"The tool failed: {e.Message}");
        }
    }

    /// <summary>Runs a command as the tool bash would, whether the model has that or not.</summary>
    public Task<ShellResult> RunCommandAsync(string command, TimeSpan timeout, CancellationToken cancellationToken) => _shell.RunAsync(command, timeout, cancellationToken);

    public ValueTask DisposeAsync() => _shell.DisposeAsync();
}

/// <summary>The model called a tool with something that it does not take; the message is for the model.</summary>
internal sealed class ToolInputException(string message) : Exception(message);
