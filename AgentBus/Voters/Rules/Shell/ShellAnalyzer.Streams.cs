namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>Redirections.</summary>
internal sealed partial class ShellAnalyzer
{
    private const string ShellNetwork = "/dev/tcp/";
    private const string ShellDatagrams = "/dev/udp/";

    /// <param name="Outputs">Full paths, and whether each is added to.</param>
    /// <param name="IsSilent">Whether nothing goes on to the next command.</param>
    private sealed record Streams(ShellValue? Input, IReadOnlyList<(string Path, bool Appends)> Outputs, bool IsSilent);

    private Streams Redirect(IReadOnlyList<Redirection> redirections, ShellValue? input)
    {
        var outputs = new List<(string, bool)>();
        var isSilent = false;
        var effects = new List<Effect>();
        foreach (var redirection in redirections)
        {
            if (redirection.Operation is "<<" or "<<-")
            {
                input = _expander.ExpandText(redirection.HereText ?? ShellWord.Empty);
                continue;
            }
            var target = _expander.ExpandText(redirection.Target);
            if (redirection.Operation == "<<<")
            {
                input = target with { Text = target.Text + "\n" };
                continue;
            }
            if (redirection.Operation is "<&" or ">&" && (target.Text == "-" || target.Text.TrimEnd('-').All(char.IsAsciiDigit)))
            {
                continue;
            }
            var path = _state.Resolve(target.Text);
            if (path.StartsWith(ShellNetwork, StringComparison.Ordinal) || path.StartsWith(ShellDatagrams, StringComparison.Ordinal))
            {
                effects.Add(new Effect(EffectKind.Send, $"/dev/{path.Split('/')[2]}/{HostOf(path)}", Taint.File | (input?.Taint ?? Taint.None)));
                input = ShellValue.UnknownFrom(Taint.Download);
            }
            else if (redirection.Operation is "<" or "<&" or "<>")
            {
                effects.Add(ReadEffect(path));
                input = ContentOf(path);
            }
            else
            {
                effects.Add(new Effect(EffectKind.Write, path));
                outputs.Add((path, redirection.Operation is ">>" or "&>>"));
                isSilent |= redirection.Descriptor is "" or "1" or "&";
            }
        }
        if (effects.Count > 0)
        {
            Add(">", [], effects);
        }
        return new Streams(input, outputs, isSilent);
    }

    private static string HostOf(string path) => path.Split('/') is { Length: > 3 } segments ? segments[3] : "";

    private ShellValue Deliver(ShellValue output, Streams streams)
    {
        if (!streams.IsSilent)
        {
            return output;
        }
        foreach (var (path, appends) in streams.Outputs)
        {
            _state.Files[path] = appends && _state.Files.TryGetValue(path, out var old) ? Join([old, output])
                : appends ? Join([ContentOf(path), output]) : output;
        }
        return ShellValue.Empty;
    }

    private Effect ReadEffect(string path) => new(EffectKind.Read, path, _surroundings.PathTaint(path));

    private ShellValue ContentOf(string path) => _state.Files.TryGetValue(path, out var content)
        ? content
        : path is "/dev/null" ? ShellValue.Empty : ShellValue.UnknownFrom(Taint.File | _surroundings.PathTaint(path));
}
