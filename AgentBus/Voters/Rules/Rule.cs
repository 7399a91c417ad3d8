using System.Text.RegularExpressions;
using AgentKernel.AgentBus.Voters.Rules.Shell;

namespace AgentKernel.AgentBus.Voters.Rules;

internal enum RuleDecision
{
    Allow,
    NeedsHuman,
    Deny,
}

/// <param name="Rule">The name of the rule that decided; null for a default.</param>
internal sealed record RuleVerdict(RuleDecision Decision, string Reason, string? Rule);

/// <summary>One rule: its conditions must all hold for an action.</summary>
internal sealed class Rule
{
    /// <summary>In how many of a command's first words its subcommands are looked for: options with values may stand between.</summary>
    private const int SubcommandReach = 4;

    private readonly RuleText _text;
    private readonly IReadOnlyList<IReadOnlyList<Glob>>? _run;
    private readonly IReadOnlyList<Glob>? _with;
    private readonly IReadOnlyList<Glob>? _without;
    private readonly IReadOnlyList<Glob>? _last;
    private readonly IReadOnlyList<Regex>? _matches;
    private readonly IReadOnlyList<Glob>? _hosts;
    private readonly IReadOnlyList<Glob>? _exceptHosts;
    private readonly IReadOnlyList<Glob>? _sets;
    private readonly IReadOnlyList<Glob>? _tools;
    private readonly IReadOnlyDictionary<string, IReadOnlyList<Glob>>? _arguments;

    public Rule(RuleText text, RuleDecision decision)
    {
        _text = text;
        Decision = decision;
        _run = text.Run?.ConvertAll(command => (IReadOnlyList<Glob>)[.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => new Glob(word))]);
        _with = Globs(text.With);
        _without = Globs(text.Without);
        _last = Globs(text.Last);
        _matches = text.Matches?.ConvertAll(pattern => new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));
        _hosts = Globs(text.Hosts);
        _exceptHosts = Globs(text.ExceptHosts);
        _sets = Globs(text.Sets);
        _tools = Globs(text.Tool);
        _arguments = text.Arguments?.ToDictionary(argument => argument.Key, argument => (IReadOnlyList<Glob>)Globs(argument.Value)!);
    }

    public string Name => _text.Name!;

    public RuleDecision Decision { get; }

    /// <summary>Whether it is about tools by their name, and not about what they do.</summary>
    public bool IsForTools => _tools is not null;

    private bool HasEffects =>
        _text.Reads is not null || _text.Writes is not null || _text.Deletes is not null || _text.Sends is not null || _text.RunsCode is not null
        || _sets is not null || _text.Multiplies || _text.Uncertain;

    /// <returns>The reason in words where the rule matches; else null.</returns>
    public string? Match(ShellAction action, PathScope scope)
    {
        if (_tools is not null || !MatchesCommand(action))
        {
            return null;
        }
        if (!HasEffects)
        {
            return Explain(action, action.Command);
        }
        foreach (var effect in action.Effects)
        {
            if (MatchesEffect(effect, scope))
            {
                return Explain(action, new ShellValue(effect.Subject).ToString());
            }
        }
        return null;
    }

    public string? MatchTool(string tool, IReadOnlyDictionary<string, string> arguments)
    {
        if (_tools?.Any(pattern => pattern.Matches(tool)) != true)
        {
            return null;
        }
        foreach (var (name, patterns) in _arguments ?? new Dictionary<string, IReadOnlyList<Glob>>())
        {
            if (!arguments.TryGetValue(name, out var value) || !patterns.Any(pattern => pattern.Matches(value)))
            {
                return null;
            }
        }
        return Explain(new ShellAction(tool, [], []), tool);
    }

    private bool MatchesCommand(ShellAction action)
    {
        if (_run is not null && !_run.Any(words => MatchesRun(words, action)))
        {
            return false;
        }
        return (_with is null || action.Arguments.Any(argument => HasArgument(_with, argument)))
            && (_without is null || !action.Arguments.Any(argument => HasArgument(_without, argument)))
            && (_last is null || (action.Arguments.Count > 0 && _last.Any(pattern => pattern.Matches(action.Arguments[^1].ToString()))))
            && (_matches is null || action.Arguments.Any(argument => _matches.Any(regex => regex.IsMatch(argument.Text))));
    }

    private static bool MatchesRun(IReadOnlyList<Glob> words, ShellAction action)
    {
        if (!words[0].Matches(action.Command))
        {
            return false;
        }
        var next = 1;
        var seen = 0;
        foreach (var argument in action.Arguments)
        {
            if (next == words.Count)
            {
                break;
            }
            var isOption = argument.Text.StartsWith('-');
            if (isOption != words[next].ToString().StartsWith('-'))
            {
                continue;
            }
            if (!isOption && ++seen > SubcommandReach)
            {
                return false;
            }
            next += words[next].Matches(argument.ToString()) ? 1 : 0;
        }
        return next == words.Count;
    }

    private static bool HasArgument(IReadOnlyList<Glob> patterns, ShellValue argument)
    {
        var text = argument.ToString();
        foreach (var pattern in patterns)
        {
            if (pattern.Matches(text))
            {
                return true;
            }
            // -f stands in -rf too.
            if (pattern.ToString() is ['-', var letter] && char.IsAsciiLetter(letter)
                && text is ['-', not '-', ..] && text.Skip(1).All(char.IsAsciiLetter) && text.Length <= 6 && text.Contains(letter, StringComparison.Ordinal))
            {
                return true;
            }
        }
        return false;
    }

    private bool MatchesEffect(Effect effect, PathScope scope) => effect.Kind switch
    {
        EffectKind.Read => _text.Reads?.Exists(name => scope.IsIn(effect.Subject, name)) == true,
        EffectKind.Write => _text.Writes?.Exists(name => scope.IsIn(effect.Subject, name)) == true,
        EffectKind.Delete => _text.Deletes?.Exists(name => scope.IsIn(effect.Subject, name)) == true,
        EffectKind.Send => _text.Sends?.Exists(what => Carries(effect.Taint, what)) == true && MatchesHost(effect.Subject),
        EffectKind.RunsCode => _text.RunsCode is not null,
        EffectKind.Sets => _sets?.Any(pattern => pattern.Matches(new ShellValue(effect.Subject).ToString())) == true,
        EffectKind.Multiplies => _text.Multiplies,
        EffectKind.Uncertain => _text.Uncertain,
        _ => false,
    };

    private static bool Carries(Taint taint, string what) => what switch
    {
        "anything" => true,
        "secret" => (taint & Taint.Secret) != Taint.None,
        "sensitive" => (taint & Taint.Sensitive) != Taint.None,
        "credential" => (taint & Taint.Credential) != Taint.None,
        "file" => (taint & Taint.File) != Taint.None,
        _ => false,
    };

    private bool MatchesHost(string host) =>
        (_hosts is null || IsAmong(_hosts, host)) && (_exceptHosts is null || !IsAmong(_exceptHosts, host));

    private static bool IsAmong(IReadOnlyList<Glob> hosts, string host) =>
        hosts.Any(pattern => pattern.ToString() == "loopback" ? IsLoopback(host) : pattern.Matches(host));

    private static bool IsLoopback(string host) =>
        host is "localhost" or "::1" or "0.0.0.0" || host.EndsWith(".localhost", StringComparison.Ordinal)
        || (System.Net.IPAddress.TryParse(host, out var address) && System.Net.IPAddress.IsLoopback(address));

    private string Explain(ShellAction action, string subject) => (_text.Reason ?? $"the rule '{Name}' says so")
        .Replace("{subject}", subject, StringComparison.Ordinal).Replace("{command}", action.Command, StringComparison.Ordinal);

    private static List<Glob>? Globs(List<string>? patterns) => patterns?.ConvertAll(pattern => new Glob(pattern));
}
