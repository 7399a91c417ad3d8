using System.Text.Json;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>
/// Something that the model may do in the workspace. Called one at a time. What goes wrong in a way that the
/// model can learn from is an output with <see cref="ToolOutput.IsError"/>; only cancellation throws.
/// </summary>
internal interface ITool
{
    ToolDefinition Definition { get; }

    /// <param name="input">A JSON object; its members are as the model wrote them, not checked against the schema.</param>
    Task<ToolOutput> RunAsync(JsonElement input, CancellationToken cancellationToken);
}

/// <param name="InputSchema">A JSON schema of an object, handed to every vendor as it is.</param>
internal sealed record ToolDefinition(string Name, string Description, string InputSchema);

internal sealed record ToolOutput(string Text, bool IsError = false)
{
    public static ToolOutput Error(string text) => new(text, IsError: true);
}
