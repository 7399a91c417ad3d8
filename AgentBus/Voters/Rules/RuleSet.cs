using System.Text.Json;
using System.Text.RegularExpressions;
using AgentKernel.AgentBus.Voters.Rules.Shell;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace AgentKernel.AgentBus.Voters.Rules;

/// <summary>Ordered rules over what tool calls do. Judging never throws and takes time linear in the call.</summary>
internal sealed class RuleSet
{
    /// <summary>Longer calls are not looked at, and so not allowed.</summary>
    private const int MaxText = 1_000_000;

    private static readonly Lazy<RuleSet> s_default = new(() =>
    {
        using var stream = typeof(RuleSet).Assembly.GetManifestResourceStream("default-rules.yaml")
            ?? throw new InvalidOperationException("the default rules are not in the assembly");
        using var reader = new StreamReader(stream);
        return Read(reader.ReadToEnd());
    });

    private readonly RuleFile _file;
    private readonly IReadOnlyList<Rule> _rules;
    private readonly RuleDecision _default;
    private readonly RuleDecision _unknownTools;
    private readonly HashSet<string> _riskyWords;
    private readonly IReadOnlyList<Glob> _trustedOutput;
    private readonly Dictionary<string, IReadOnlyList<string>> _pathSets;

    private RuleSet(RuleFile file)
    {
        _file = file;
        _default = ReadDecision(file.Default, "default");
        _unknownTools = ReadDecision(file.UnknownTools, "unknown_tools");
        _riskyWords = [.. file.RiskyWords];
        _trustedOutput = file.TrustedOutput.ConvertAll(pattern => new Glob(pattern));
        _pathSets = file.PathSets.ToDictionary(set => set.Key, set => (IReadOnlyList<string>)set.Value);
        _rules = [.. file.Rules.Select(ReadRule)];
        foreach (var (tool, how) in file.Tools)
        {
            if (new[] { how?.Shell, how?.Reads, how?.Writes }.Count(argument => argument is not null) != 1)
            {
                throw new RuleFileException($"tools.{tool} must have exactly one of shell, reads, writes, naming an argument");
            }
        }
    }

    /// <summary>The rules that come with the bus.</summary>
    public static RuleSet Default => s_default.Value;

    /// <exception cref="RuleFileException">Names the key that is wrong.</exception>
    public static RuleSet Read(string yaml)
    {
        try
        {
            var deserializer = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build();
            return new RuleSet(deserializer.Deserialize<RuleFile>(yaml) ?? new RuleFile());
        }
        catch (YamlException e)
        {
            throw new RuleFileException($"line {e.Start.Line}: {e.InnerException?.Message ?? e.Message}");
        }
    }

    /// <param name="tool">The tool's name.</param>
    /// <param name="argumentsJson">A JSON object.</param>
    /// <param name="place">Where the agent works.</param>
    public RuleVerdict Judge(string tool, string argumentsJson, AgentPlace place)
    {
        if (argumentsJson.Length > MaxText)
        {
            return new RuleVerdict(RuleDecision.Deny, "the call is too long to be judged", null);
        }
        Dictionary<string, string> arguments;
        try
        {
            using var document = JsonDocument.Parse(argumentsJson);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return new RuleVerdict(RuleDecision.Deny, "the call's arguments are no JSON object", null);
            }
            arguments = document.RootElement.EnumerateObject().GroupBy(member => member.Name)
                .ToDictionary(group => group.Key, group => Text(group.Last().Value));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new RuleVerdict(RuleDecision.Deny, "the call's arguments are no JSON object", null);
        }
        foreach (var rule in _rules.Where(rule => rule.IsForTools))
        {
            if (rule.MatchTool(tool, arguments) is { } reason)
            {
                return new RuleVerdict(rule.Decision, reason, rule.Name);
            }
        }
        if (!_file.Tools.TryGetValue(tool, out var how))
        {
            return new RuleVerdict(_unknownTools, $"there is no rule for the tool '{tool}'", null);
        }
        var argument = how.Shell ?? how.Reads ?? how.Writes!;
        if (!arguments.TryGetValue(argument, out var value))
        {
            return new RuleVerdict(RuleDecision.Deny, $"the call has no argument '{argument}'", null);
        }
        var scope = new PathScope(place.Workspace, place.Home, _pathSets);
        return how.Shell is not null ? JudgeShell(value, place, scope) : JudgePath(tool, value, how, place, scope);
    }

    private RuleVerdict JudgeShell(string line, AgentPlace place, PathScope scope)
    {
        try
        {
            var surroundings = new ShellSurroundings(place.Workspace, place.Home, place.Folder, scope.TaintOf, _riskyWords.Contains,
                text => _trustedOutput.Any(pattern => pattern.Matches(text)));
            return JudgeActions(ShellAnalyzer.Analyze(line, surroundings), scope);
        }
        catch (ShellSyntaxException e)
        {
            return new RuleVerdict(RuleDecision.Deny, $"the command line is not understood: {e.Message}", null);
        }
    }

    private RuleVerdict JudgePath(string tool, string path, ToolFile how, AgentPlace place, PathScope scope)
    {
        var full = ShellPath.Combine(place.Workspace, ShellValue.Clean(path));
        var effect = new Effect(how.Reads is not null ? EffectKind.Read : EffectKind.Write, full, scope.TaintOf(full));
        return JudgeActions([new ShellAction(tool, [], [effect])], scope);
    }

    private RuleVerdict JudgeActions(IReadOnlyList<ShellAction> actions, PathScope scope)
    {
        var verdict = new RuleVerdict(_default, actions.Count == 0 ? "it runs nothing" : "no rule is against it", null);
        foreach (var action in actions)
        {
            foreach (var rule in _rules)
            {
                if (rule.Match(action, scope) is not { } reason)
                {
                    continue;
                }
                if (rule.Decision > verdict.Decision)
                {
                    verdict = new RuleVerdict(rule.Decision, reason, rule.Name);
                }
                break;
            }
        }
        return verdict;
    }

    private Rule ReadRule(RuleText text, int index)
    {
        var at = $"rules[{index}]";
        if (string.IsNullOrWhiteSpace(text?.Name))
        {
            throw new RuleFileException($"{at}.name is missing");
        }
        at = $"rules[{index}] ({text.Name})";
        foreach (var name in (text.Reads ?? []).Concat(text.Writes ?? []).Concat(text.Deletes ?? []))
        {
            if (!PathScope.IsClass(name) && !_pathSets.ContainsKey(name) && name.AsSpan().IndexOfAny("/~*{") < 0)
            {
                throw new RuleFileException($"{at} names the path set '{name}', which is not in path_sets");
            }
        }
        foreach (var what in text.Sends ?? [])
        {
            if (what is not ("anything" or "secret" or "sensitive" or "credential" or "file"))
            {
                throw new RuleFileException($"{at}.sends is '{what}'; allowed: secret, sensitive, credential, file, anything");
            }
        }
        try
        {
            return new Rule(text, ReadDecision(text.Decision, $"{at}.decision"));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new RuleFileException($"{at} has a pattern that cannot be read: {e.Message}");
        }
    }

    private static RuleDecision ReadDecision(string? text, string key) => text switch
    {
        "allow" => RuleDecision.Allow,
        "deny" => RuleDecision.Deny,
        "needs-human" => RuleDecision.NeedsHuman,
        _ => throw new RuleFileException($"{key} is '{text}'; allowed: allow, deny, needs-human"),
    };

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
}

/// <param name="Workspace">The folder that is the agent's own; a full path.</param>
/// <param name="Home">The home of the user it runs as.</param>
/// <param name="Folder">The folder that its shell is in at the moment.</param>
internal sealed record AgentPlace(string Workspace, string Home, string Folder);

/// <summary>A file of rules cannot be used; the message names the key.</summary>
internal sealed class RuleFileException(string message) : Exception(message);
