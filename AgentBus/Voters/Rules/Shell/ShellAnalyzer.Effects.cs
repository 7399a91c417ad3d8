namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>What programs do to files and hosts, from their arguments.</summary>
internal sealed partial class ShellAnalyzer
{
    private static readonly string[] s_deleters = ["rm", "rmdir", "unlink", "shred", "srm", "wipe", "trash", "trash-put"];
    private static readonly string[] s_writers = ["touch", "mkdir", "tee", "truncate", "chmod", "chown", "chgrp", "chattr", "setfacl", "setcap", "mkfifo", "mknod", "patch", "gzip", "gunzip", "bzip2", "xz", "zstd"];
    private static readonly string[] s_copiers = ["cp", "mv", "ln", "install", "rsync", "scp"];

    /// <summary>Programs whose arguments name files without reading what is in them.</summary>
    private static readonly string[] s_notReading =
        ["echo", "printf", "ls", "stat", "test", "[", "du", "df", "mkdir", "touch", "basename", "dirname", "realpath", "readlink", "which", "cd", "type",
         "pwd", "chmod", "chown", "rm", "rmdir", "find", "git", "gh", "tree", "file", "kill", "pkill", "make", "export", "trap", "exit", "return",
         "docker", "podman", "kubectl", "npm", "yarn", "pnpm", "cargo", "go", "dotnet", "ssh-keygen", "ssh-add", "man", "true", "false", ":", "seq"];

    /// <summary>Programs whose first operand is a pattern or a program, not a file.</summary>
    private static readonly string[] s_patternFirst = ["grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack", "sed", "awk", "gawk", "mawk", "nawk", "jq", "yq", "perl", "tr"];

    private List<Effect> CollectEffects(string name, IReadOnlyList<ShellValue> arguments, ShellValue? input)
    {
        var effects = new List<Effect>();
        var operands = Operands(arguments);
        if (s_deleters.Contains(name))
        {
            effects.AddRange(operands.Select(operand => PathEffect(EffectKind.Delete, operand)));
        }
        else if (s_writers.Contains(name))
        {
            var skipped = name is "chmod" or "chown" or "chgrp" or "chattr" or "setfacl" or "setcap" && !arguments.Any(a => a.Text.StartsWith("--reference", StringComparison.Ordinal)) ? 1 : 0;
            effects.AddRange(operands.Skip(skipped).Select(operand => PathEffect(EffectKind.Write, operand)));
        }
        else if (s_copiers.Contains(name))
        {
            CollectCopy(name, arguments, operands, effects);
        }
        else if (NetworkPrograms.Contains(name))
        {
            CollectNetwork(name, arguments, operands, input, effects);
        }
        CollectOptions(name, arguments, operands, effects);
        if (!s_notReading.Contains(name))
        {
            CollectReads(name, arguments, operands, effects);
        }
        return effects;
    }

    private Effect PathEffect(EffectKind kind, ShellValue operand) => new(kind, _state.Resolve(operand.Text), _surroundings.PathTaint(_state.Resolve(operand.Text)));

    private static List<ShellValue> Operands(IReadOnlyList<ShellValue> arguments)
    {
        var operands = new List<ShellValue>();
        var onlyOperands = false;
        foreach (var argument in arguments)
        {
            if (onlyOperands || argument.Text.Length < 2 || argument.Text[0] != '-')
            {
                operands.Add(argument);
            }
            onlyOperands |= argument.Text == "--";
        }
        return operands;
    }

    private void CollectCopy(string name, IReadOnlyList<ShellValue> arguments, List<ShellValue> operands, List<Effect> effects)
    {
        var target = ValueOf(arguments, "-t", "--target-directory");
        var isModeGiven = name == "install" && arguments.Any(argument => argument.Text is "-m" or "-o" or "-g");
        var files = operands.Skip(isModeGiven ? 1 : 0).ToList();
        if (target is null && files.Count > 1)
        {
            target = files[^1];
            files.RemoveAt(files.Count - 1);
        }
        if (target is { } destination && !IsRemote(destination.Text))
        {
            effects.Add(PathEffect(EffectKind.Write, destination));
            if (name == "mv" && destination.Text == "/dev/null")
            {
                effects.AddRange(files.Select(file => PathEffect(EffectKind.Delete, file)));
            }
            if (name == "rsync" && arguments.Any(argument => argument.Text.StartsWith("--delete", StringComparison.Ordinal)))
            {
                effects.Add(PathEffect(EffectKind.Delete, destination));
            }
            foreach (var file in files)
            {
                Remember(_state.Resolve(file.Text), _state.Resolve(destination.Text));
            }
        }
        if (name == "mv")
        {
            // What is moved away is no longer where it was.
            effects.AddRange(files.Select(file => PathEffect(EffectKind.Delete, file)));
        }
        if (target is { } remote && IsRemote(remote.Text))
        {
            var taint = files.Aggregate(Taint.File, (all, file) => all | _surroundings.PathTaint(_state.Resolve(file.Text)));
            effects.Add(new Effect(EffectKind.Send, HostIn(remote.Text), taint));
        }
    }

    /// <summary>Follows the content of a file, or the program that it is, to its copy.</summary>
    private void Remember(string from, string to)
    {
        foreach (var path in (string[])[to, to + "/" + ShellPath.Name(from)])
        {
            if (_state.Files.TryGetValue(from, out var content))
            {
                _state.Files[path] = content;
            }
            if (from.StartsWith("/bin/", StringComparison.Ordinal) || from.Contains("/bin/", StringComparison.Ordinal) || from.Contains("/sbin/", StringComparison.Ordinal))
            {
                _state.Programs[path] = ShellPath.Name(from);
            }
        }
    }

    private static bool IsRemote(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && !text[..colon].Contains('/', StringComparison.Ordinal);
    }

    /// <summary>Options by which programs write, and run other things.</summary>
    private void CollectOptions(string name, IReadOnlyList<ShellValue> arguments, List<ShellValue> operands, List<Effect> effects)
    {
        switch (name)
        {
            case "dd":
                foreach (var argument in arguments)
                {
                    if (argument.Text.StartsWith("of=", StringComparison.Ordinal))
                    {
                        effects.Add(PathEffect(EffectKind.Write, argument with { Text = argument.Text[3..] }));
                    }
                }
                break;
            case "sed":
                if (arguments.Any(argument => argument.Text.StartsWith("-i", StringComparison.Ordinal) || argument.Text.StartsWith("--in-place", StringComparison.Ordinal)
                    || (argument.Text is ['-', not '-', ..] && argument.Text.Contains('i', StringComparison.Ordinal) && argument.Text.Length < 5)))
                {
                    effects.AddRange(operands.Skip(arguments.Any(argument => argument.Text is "-e" or "-f") ? 0 : 1).Select(operand => PathEffect(EffectKind.Write, operand)));
                }
                break;
            case "sort" or "gcc" or "g++" or "cc" or "clang" or "go" or "strace" or "openssl" or "tcpdump" or "objcopy" or "tar" or "bsdtar" or "unzip" or "zip":
                foreach (var option in (string[])["-o", "-out", "-keyout", "--output", "-w", "-C", "--directory", "-d"])
                {
                    if (name is not ("zip" or "openssl" or "tar" or "unzip") || (option is "-C" or "--directory") == name is "tar" or "bsdtar")
                    {
                        if (ValueOf(arguments, option) is { } output && !(name is "gcc" or "cc" or "clang" or "g++" or "sort" && option is "-d" or "-C" or "-w"))
                        {
                            effects.Add(PathEffect(EffectKind.Write, output));
                        }
                    }
                }
                if (name is "tar" or "bsdtar")
                {
                    CollectTar(arguments, operands, effects);
                }
                break;
            case "mkfifo":
                foreach (var pipe in operands)
                {
                    _state.Files[_state.Resolve(pipe.Text)] = ShellValue.UnknownFrom(Taint.Download);
                }
                break;
            case "ssh-keygen" when !arguments.Any(argument => argument.Text is ['-', 'l' or 'y' or 'F', ..]):
                if (ValueOf(arguments, "-f") is { } key)
                {
                    effects.Add(PathEffect(EffectKind.Write, key));
                }
                break;
            case "git":
                CollectGit(arguments);
                break;
            case "ssh":
                if (arguments.FirstOrDefault(argument => argument.Text.Contains("ProxyCommand=", StringComparison.Ordinal)) is { Text: { } proxy })
                {
                    Evaluate(new ShellValue(proxy[(proxy.IndexOf('=', StringComparison.Ordinal) + 1)..]), "the proxy command", null, null);
                }
                break;
        }
    }

    private void CollectTar(IReadOnlyList<ShellValue> arguments, List<ShellValue> operands, List<Effect> effects)
    {
        foreach (var argument in arguments)
        {
            var equals = argument.Text.IndexOf("exec=", StringComparison.Ordinal);
            var command = equals >= 0 ? argument.Text[(equals + 5)..]
                : argument.Text.StartsWith("--to-command=", StringComparison.Ordinal) ? argument.Text["--to-command=".Length..] : null;
            if (command is not null)
            {
                Evaluate(argument with { Text = command }, "the text that tar runs", null, null);
            }
        }
        if (arguments.Any(argument => argument.Text == "--remove-files"))
        {
            effects.AddRange(operands.Skip(1).Select(operand => PathEffect(EffectKind.Delete, operand)));
        }
    }

    private void CollectGit(IReadOnlyList<ShellValue> arguments)
    {
        for (var i = 0; i < arguments.Count; i++)
        {
            // git -c alias.x='!cmd', core.pager=cmd, core.sshCommand=cmd; git config key value.
            var text = arguments[i].Text;
            var (key, value) = i > 0 && arguments[i - 1].Text == "-c" && text.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals
                ? (text[..equals], text[(equals + 1)..])
                : arguments[0].Text == "config" && i + 1 < arguments.Count && text.Contains('.', StringComparison.Ordinal) ? (text, arguments[i + 1].Text) : ("", "");
            var isAlias = key.StartsWith("alias.", StringComparison.OrdinalIgnoreCase) && value.StartsWith('!');
            if (isAlias || key.ToUpperInvariant() is "CORE.PAGER" or "CORE.SSHCOMMAND" or "CORE.EDITOR" or "CORE.FSMONITOR" or "SEQUENCE.EDITOR" or "DIFF.EXTERNAL")
            {
                Evaluate(arguments[i] with { Text = value.TrimStart('!') }, "the text that git runs", null, null);
            }
        }
    }

    private void CollectReads(string name, IReadOnlyList<ShellValue> arguments, List<ShellValue> operands, List<Effect> effects)
    {
        var pattern = s_patternFirst.Contains(name) && !arguments.Any(argument => argument.Text is "-e" or "-f") && operands.Count > 0 ? operands[0].Text : null;
        var skipsPattern = pattern is not null;
        foreach (var argument in arguments)
        {
            if (skipsPattern && argument.Text == pattern)
            {
                skipsPattern = false;
                continue;
            }
            foreach (var path in PathsIn(argument.Text))
            {
                effects.Add(ReadEffect(_state.Resolve(path)));
            }
        }
    }

    /// <summary>What in a word may be a path: all of it, what follows an equals sign or an at sign, or a short option's value.</summary>
    private static IEnumerable<string> PathsIn(string text)
    {
        if (text.Length == 0 || text.Contains("://", StringComparison.Ordinal))
        {
            yield break;
        }
        if (text[0] != '-')
        {
            yield return text;
        }
        else if (text.IndexOf('/', StringComparison.Ordinal) is > 1 and var slash)
        {
            yield return text[slash..];
        }
        foreach (var mark in "=@")
        {
            if (text.IndexOf(mark, StringComparison.Ordinal) is >= 0 and var at && at + 1 < text.Length && text[at + 1] != mark)
            {
                yield return text[(at + 1)..].TrimStart('@');
            }
        }
    }

    private static ShellValue? ValueOf(IReadOnlyList<ShellValue> arguments, params string[] names)
    {
        for (var i = 0; i < arguments.Count; i++)
        {
            foreach (var name in names)
            {
                if (arguments[i].Text == name)
                {
                    return i + 1 < arguments.Count ? arguments[i + 1] : null;
                }
                if (name.StartsWith("--", StringComparison.Ordinal) && arguments[i].Text.StartsWith(name + "=", StringComparison.Ordinal))
                {
                    return arguments[i] with { Text = arguments[i].Text[(name.Length + 1)..] };
                }
            }
        }
        return null;
    }
}
