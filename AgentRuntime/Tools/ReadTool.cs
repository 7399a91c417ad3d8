using System.Text;
using System.Text.Json;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>Reads a text file, or a range of its lines.</summary>
internal sealed class ReadTool(Workspace workspace) : ITool
{
    private const int DefaultLines = 2_000;
    private const int MaxOutput = 100_000;

    public ToolDefinition Definition { get; } = new(ToolNames.Read,
        "Reads a text file of the workspace, or one of a skill. Returns at most 2,000 lines from the given one on, unless told otherwise.",
        """
        {"type":"object","properties":{
          "path":{"type":"string","description":"The file, relative to the workspace; absolute for a skill's."},
          "offset":{"type":"integer","description":"The first line to read; the file begins with line 1."},
          "limit":{"type":"integer","description":"How many lines to read."}},
         "required":["path"],"additionalProperties":false}
        """);

    public async Task<ToolOutput> RunAsync(JsonElement input, CancellationToken cancellationToken)
    {
        var given = input.Text("path");
        var first = input.Whole("offset", 1, int.MaxValue) ?? 1;
        var limit = input.Whole("limit", 1, int.MaxValue) ?? DefaultLines;
        var text = await TextFile.ReadAsync(workspace.ResolveToRead(given), given, cancellationToken);
        if (text.Length == 0)
            return new ToolOutput("(the file is empty)");

        var output = new StringBuilder();
        var line = 0;
        foreach (var range in text.AsSpan().Split('\n'))
        {
            line++;
            // The empty piece behind the last line's end is no line.
            if (line < first || (range.Start.Value == text.Length && text.EndsWith('\n')))
                continue;
            if (line >= first + (long)limit)
                return Cut(output, line);
            var content = text.AsSpan()[range];
            if (output.Length + content.Length > MaxOutput)
            {
                if (output.Length > 0)
                    return Cut(output, line);
                // One line alone is over the limit: show its beginning, and let the reader go on behind it.
                output.Append(content[..MaxOutput]).Append($"\n[line {line} has {content.Length} characters; the rest of it was cut]\n");
                continue;
            }
            output.Append(content).Append('\n');
        }
        return output.Length > 0
            ? new ToolOutput(output.ToString())
            : ToolOutput.Error($"'{given}' has fewer than {first} lines.");
    }

    private static ToolOutput Cut(StringBuilder output, int line) =>
        new(output.Append($"[cut before line {line}; go on with offset {line}]").ToString());
}
