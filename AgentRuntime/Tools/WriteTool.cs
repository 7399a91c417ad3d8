using System.Text.Json;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>Creates a file or replaces its content.</summary>
internal sealed class WriteTool(Workspace workspace) : ITool
{
    public ToolDefinition Definition { get; } = new(ToolNames.Write,
        "Writes a text file of the workspace: creates it, and the folders it lies in, or replaces what it held.",
        """
        {"type":"object","properties":{
          "path":{"type":"string","description":"The file, relative to the workspace."},
          "content":{"type":"string","description":"All that the file shall hold."}},
         "required":["path","content"],"additionalProperties":false}
        """);

    public async Task<ToolOutput> RunAsync(JsonElement input, CancellationToken cancellationToken)
    {
        var given = input.Text("path");
        var written = await TextFile.WriteAsync(workspace.Resolve(given), given, input.Text("content"), cancellationToken);
        return new ToolOutput($"Wrote {written} bytes to '{given}'.");
    }
}
