namespace AgentKernel.AgentBus.Voters.Rules;

/// <summary>A file of rules as it is written; <c>default-rules.yaml</c> explains each key.</summary>
internal sealed class RuleFile
{
    public Dictionary<string, ToolFile> Tools { get; set; } = [];

    public string UnknownTools { get; set; } = "deny";

    public string Default { get; set; } = "allow";

    public Dictionary<string, List<string>> PathSets { get; set; } = [];

    public List<string> RiskyWords { get; set; } = [];

    public List<string> TrustedOutput { get; set; } = [];

    public List<RuleText> Rules { get; set; } = [];
}

/// <summary>How a tool is looked at; exactly one of its keys, naming an argument.</summary>
internal sealed class ToolFile
{
    public string? Shell { get; set; }

    public string? Reads { get; set; }

    public string? Writes { get; set; }
}

/// <summary>One rule as it is written.</summary>
internal sealed class RuleText
{
    public string? Name { get; set; }

    public string? Decision { get; set; }

    public string? Reason { get; set; }

    public List<string>? Run { get; set; }

    public List<string>? With { get; set; }

    public List<string>? Without { get; set; }

    public List<string>? Last { get; set; }

    public List<string>? Matches { get; set; }

    public List<string>? Reads { get; set; }

    public List<string>? Writes { get; set; }

    public List<string>? Deletes { get; set; }

    public List<string>? Sends { get; set; }

    public List<string>? Hosts { get; set; }

    public List<string>? ExceptHosts { get; set; }

    public List<string>? RunsCode { get; set; }

    public List<string>? Sets { get; set; }

    public bool Multiplies { get; set; }

    public bool Uncertain { get; set; }

    public List<string>? Tool { get; set; }

    public Dictionary<string, List<string>>? Arguments { get; set; }
}
