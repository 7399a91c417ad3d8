using System.Text.Json;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>Replaces a piece of text that stands in a file exactly once.</summary>
internal sealed class EditTool(Workspace workspace) : ITool
{
    public ToolDefinition Definition { get; } = new(ToolNames.Edit,
        "Replaces text in a file of the workspace. old_text must stand in the file exactly once; take in as many lines round it as make it unique.",
        """
        {"type":"object","properties":{
          "path":{"type":"string","description":"The file, relative to the workspace."},
          "old_text":{"type":"string","description":"The text to replace, exactly as it stands in the file, with its white space."},
          "new_text":{"type":"string","description":"The text to put there."}},
         "required":["path","old_text","new_text"],"additionalProperties":false}
        """);

    public async Task<ToolOutput> RunAsync(JsonElement input, CancellationToken cancellationToken)
    {
        var given = input.Text("path");
        var (oldText, newText) = (input.Text("old_text"), input.Text("new_text"));
        if (oldText.Length == 0)
            return ToolOutput.Error("'old_text' is empty; to fill a new file, write it.");
        var path = workspace.Resolve(given);
        var text = await TextFile.ReadAsync(path, given, cancellationToken);

        var at = text.IndexOf(oldText, StringComparison.Ordinal);
        if (at < 0)
            return ToolOutput.Error($"'old_text' does not stand in '{given}'. Read the file again and copy the text exactly.");
        if (text.IndexOf(oldText, at + 1, StringComparison.Ordinal) >= 0)
            return ToolOutput.Error($"'old_text' stands in '{given}' more than once. Take in more of what is round it.");
        await TextFile.WriteAsync(path, given, string.Concat(text.AsSpan(0, at), newText, text.AsSpan(at + oldText.Length)), cancellationToken);
        return new ToolOutput($"Edited '{given}'.");
    }
}
