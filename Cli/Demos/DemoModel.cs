namespace AgentKernel.Cli.Demos;

/// <summary>The model that a demo talks to: a real one where a key is at hand, else the scripted one.</summary>
internal sealed record DemoModel(string Provider, string Model, string Remark)
{
    public static DemoModel Choose()
    {
        static bool Has(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 };
        return Has("LLM_API_KEY") ? new("anthropic", "claude-sonnet-4-5", "Using claude-sonnet-4-5, with LLM_API_KEY.")
            : Has("OPENAI_API_KEY") ? new("openai", "gpt-4.1", "Using gpt-4.1, with OPENAI_API_KEY.")
            : new("scripted", "", "Using the scripted model, which needs no network; set LLM_API_KEY (Anthropic) or OPENAI_API_KEY to talk to a real one.");
    }

    /// <summary>A question that takes a tool: a model chooses the command itself, the script is told which.</summary>
    public string Question(string text, string command) => Provider == "scripted" ? $"{text}\nrun: {command}" : text;
}
