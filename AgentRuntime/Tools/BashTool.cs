using System.Text.Json;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>Runs a shell command.</summary>
internal sealed class BashTool(Shell shell) : ITool
{
    private const int DefaultTimeoutSeconds = 120;
    private const int MaxTimeoutSeconds = 3_600;

    public ToolDefinition Definition { get; } = new(ToolNames.Bash,
        "Runs a bash command in the workspace and returns what it prints (stdout and stderr together) and its exit code. "
        + "The working directory stays from one call to the next; variables do not. There is no terminal and no input. "
        + "Long output is cut in the middle.",
        """
        {"type":"object","properties":{
          "command":{"type":"string","description":"The command line or script."},
          "timeout":{"type":"integer","description":"Seconds after which the command and all it started are killed; default 120, at most 3600."}},
         "required":["command"],"additionalProperties":false}
        """);

    public async Task<ToolOutput> RunAsync(JsonElement input, CancellationToken cancellationToken)
    {
        var timeout = input.Whole("timeout", 1, MaxTimeoutSeconds) ?? DefaultTimeoutSeconds;
        var end = await shell.RunAsync(input.Text("command"), TimeSpan.FromSeconds(timeout), cancellationToken);
        var output = end.Output.Length == 0 || end.Output.EndsWith('\n') ? end.Output : end.Output + "\n";
        return end switch
        {
            { ExitCode: null } => ToolOutput.Error($"{output}[killed: the command ran longer than {timeout} s]"),
            { ExitCode: 0 } => new ToolOutput(end.Output.Length == 0 ? "(no output)" : end.Output),
            _ => ToolOutput.Error($"{output}[exit code {end.ExitCode}]"),
        };
    }
}
