namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>What is known of a running shell: variables, functions, files that the line itself has made, the folder it is in.</summary>
internal sealed class ShellState(string home, string folder)
{
    private static readonly ShellValue s_segment = new(ShellValue.Star.ToString());

    public Dictionary<string, IReadOnlyList<ShellValue>> Variables { get; private set; } = [];

    public Dictionary<string, ShellNode> Functions { get; } = [];

    /// <summary>What the line has put into files, by full path.</summary>
    public Dictionary<string, ShellValue> Files { get; } = [];

    /// <summary>Copies and links of programs that the line has made, by full path: the program's own name.</summary>
    public Dictionary<string, string> Programs { get; } = [];

    /// <summary><c>$0</c>, <c>$1</c> …</summary>
    public IReadOnlyList<ShellValue> Positional { get; set; } = [new ShellValue("bash")];

    public string Home => home;

    /// <summary>The folder that relative paths begin in; has a hole where it is not known.</summary>
    public string Folder { get; set; } = folder;

    /// <returns>Null for a variable that is not set as far as the line tells: it may come with the environment.</returns>
    public IReadOnlyList<ShellValue>? Find(string name)
    {
        if (Variables.TryGetValue(name, out var items))
        {
            return items;
        }
        if (name is "@" or "*")
        {
            return [.. Positional.Skip(1)];
        }
        if (int.TryParse(name, out var index))
        {
            return index < Positional.Count ? [Positional[index]] : [ShellValue.Empty];
        }
        return name switch
        {
            "HOME" => [new ShellValue(home)],
            "PWD" or "OLDPWD" => [new ShellValue(Folder)],
            "IFS" => [new ShellValue(" \t\n")],
            "SHELL" or "BASH" => [new ShellValue("/bin/bash")],
            "TMPDIR" => [new ShellValue("/tmp")],
            "#" or "?" or "$" or "!" or "-" or "RANDOM" or "UID" or "EUID" or "SECONDS" or "LINENO" or "PPID" or "USER"
                or "LOGNAME" or "HOSTNAME" or "BASHPID" => [s_segment],
            _ => null,
        };
    }

    public void Set(string name, IReadOnlyList<ShellValue> items) => Variables[name] = [.. items.Select(item => item.Bounded())];

    /// <summary>Runs what may or may not run: afterwards, what it has changed is not known.</summary>
    public void Branch(Action run)
    {
        var (before, folder) = (Variables, Folder);
        Variables = new Dictionary<string, IReadOnlyList<ShellValue>>(before);
        run();
        foreach (var (name, items) in Variables.ToList())
        {
            var isSame = before.TryGetValue(name, out var old) && (ReferenceEquals(old, items) || old.SequenceEqual(items));
            if (!isSame)
            {
                Variables[name] = [ShellValue.UnknownFrom((old ?? []).Concat(items).Aggregate(Taint.None, (taint, item) => taint | item.Taint))];
            }
        }
        Folder = Folder == folder ? folder : ShellValue.Hole.ToString();
    }

    /// <summary>Runs what cannot change this shell's variables and folder.</summary>
    public T Subshell<T>(Func<T> run)
    {
        var (variables, folder, positional) = (Variables, Folder, Positional);
        Variables = new Dictionary<string, IReadOnlyList<ShellValue>>(variables);
        try
        {
            return run();
        }
        finally
        {
            (Variables, Folder, Positional) = (variables, folder, positional);
        }
    }

    /// <summary>The full path of one that is written in this shell; it begins with a hole where that cannot be told.</summary>
    public string Resolve(string path) => ShellPath.Combine(Folder, path);
}
