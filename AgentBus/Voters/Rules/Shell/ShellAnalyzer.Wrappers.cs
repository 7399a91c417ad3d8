namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>Commands that run another one which stands in their arguments.</summary>
internal sealed partial class ShellAnalyzer
{
    /// <param name="ValueOptions">Options that take the next word with them.</param>
    /// <param name="Operands">How many words stand before the command.</param>
    /// <param name="Assignments">Whether <c>name=value</c> may stand before it.</param>
    private sealed record Wrapper(string ValueOptions, int Operands = 0, bool Assignments = false);

    private static readonly Dictionary<string, Wrapper> s_wrappers = new()
    {
        ["sudo"] = new("-u -g -h -p -C -r -t -T -U -D -R --user --group --host --chdir", Assignments: true),
        ["doas"] = new("-u -C", Assignments: true),
        ["pkexec"] = new("--user"),
        ["env"] = new("-u --unset -C --chdir", Assignments: true),
        ["nohup"] = new(""),
        ["setsid"] = new(""),
        ["timeout"] = new("-s --signal -k --kill-after", 1),
        ["nice"] = new("-n --adjustment"),
        ["ionice"] = new("-c -n -p --class --classdata"),
        ["chrt"] = new("", 1),
        ["taskset"] = new("", 1),
        ["stdbuf"] = new("-i -o -e"),
        ["time"] = new("-f -o"),
        ["command"] = new(""),
        ["builtin"] = new(""),
        ["exec"] = new("-a"),
        ["busybox"] = new(""),
        ["toybox"] = new(""),
        ["unshare"] = new("-S -G --setuid --setgid --root -R --wd -w"),
        ["chroot"] = new("", 1),
        ["fakeroot"] = new(""),
        ["strace"] = new("-o -e -p -s -u -E"),
        ["ltrace"] = new("-o -e -p -s -u"),
        ["valgrind"] = new(""),
        ["catchsegv"] = new(""),
        ["dbus-run-session"] = new(""),
        ["xvfb-run"] = new("-n -s -e -f -p"),
        ["systemd-run"] = new("-p -u --unit --property -t --slice"),
        ["systemd-inhibit"] = new(""),
        ["bwrap"] = new(""),
        ["firejail"] = new(""),
        ["prlimit"] = new("-p"),
        ["setpriv"] = new(""),
        ["rlwrap"] = new(""),
        ["unbuffer"] = new(""),
        ["chronic"] = new(""),
        ["ts"] = new(""),
        ["npx"] = new("-p --package -c"),
        ["bunx"] = new(""),
        ["watch"] = new("-n --interval"),
        ["entr"] = new(""),
        ["parallel"] = new("-j --jobs -a --arg-file"),
        ["xargs"] = new("-I -i -n -P -L -d -s -a -E --max-args --max-procs --delimiter --arg-file --replace"),
    };

    /// <returns>What it prints; null where the name is no such command, or has no command in its arguments.</returns>
    private ShellValue? RunWrapped(string name, List<ShellValue> arguments, ShellValue? input)
    {
        switch (name)
        {
            case "xargs":
                return RunXargs(arguments, input);
            case "find":
                return RunFind(arguments);
            case "parallel" when arguments.FindIndex(argument => argument.Text is ":::") is >= 0 and var separator:
                Add(name, arguments, []);
                var command = arguments.Take(separator).SkipWhile(argument => argument.Text.StartsWith('-')).ToList();
                return Join(arguments.Skip(separator + 1).Select(item => Dispatch(Place(command, "{}", item), input)));
            case "env" when arguments.FindIndex(argument => argument.Text is "-S" or "--split-string") is >= 0 and var split && split + 1 < arguments.Count:
                return Evaluate(Words(arguments.Skip(split + 1)), "the text that env runs", null, input);
            case "watch" or "flock" or "script" or "su" or "runuser" when CodeOption(arguments) is { } text:
                Add(name, arguments, []);
                return Evaluate(text, $"the text that {name} runs", [new ShellValue("sh")], input);
            case "ssh" when OperandsAfter(arguments, 1, "-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w") is { Count: > 0 } remote:
                RunProgram(name, arguments, input);
                return Evaluate(Words(remote), "the text that ssh runs", [new ShellValue("sh")], input);
            case "flock":
                Add(name, arguments, []);
                return Dispatch(OperandsAfter(arguments, 1, "-w --timeout -E"), input);
            case "nsenter":
                Add(name, arguments, []);
                return Dispatch(OperandsAfter(arguments, 0, "-t --target -S -G --setuid --setgid"), input);
            case "poetry" or "pipenv" or "uv" or "bundle" or "rye" or "hatch" or "pdm" or "direnv" when arguments is [{ Text: "run" or "exec" }, ..]:
                Add(name, arguments, []);
                return Dispatch(arguments.Skip(1).SkipWhile(argument => argument.Text.StartsWith('-')).ToList(), input);
            case "docker" or "podman" or "kubectl" when arguments is [{ Text: "exec" or "run" }, ..]:
                // What runs in a container is not seen here as what runs on the machine.
                return null;
        }
        if (!s_wrappers.TryGetValue(name, out var wrapper))
        {
            return null;
        }
        if (name is "command" && arguments is [{ Text: "-v" or "-V" }, ..])
        {
            return null;
        }
        var rest = OperandsAfter(arguments, 0, wrapper.ValueOptions);
        if (wrapper.Assignments)
        {
            while (rest.Count > 0 && rest[0].Text.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals && equals < 40)
            {
                Add("=", [], [new Effect(EffectKind.Sets, rest[0].Text)]);
                rest = rest.Skip(1).ToList();
            }
        }
        rest = rest.Skip(wrapper.Operands).ToList();
        if (rest.Count == 0)
        {
            return null;
        }
        Add(name, arguments, CollectEffects(name, [.. arguments.Take(arguments.Count - rest.Count)], input));
        return name is "watch" ? Evaluate(Words(rest), "the text that watch runs", null, input) : Dispatch(rest, input);
    }

    private static ShellValue? CodeOption(List<ShellValue> arguments)
    {
        var at = arguments.FindIndex(argument => argument.Text is "-c" or "--command");
        return at >= 0 && at + 1 < arguments.Count ? arguments[at + 1] : null;
    }

    private static ShellValue Words(IEnumerable<ShellValue> words) =>
        Join(words.SelectMany((word, i) => i == 0 ? (ShellValue[])[word] : [new ShellValue(" "), word]).Append(ShellValue.Empty));

    /// <summary>The words behind options and so many operands.</summary>
    private static List<ShellValue> OperandsAfter(List<ShellValue> arguments, int operands, string valueOptions)
    {
        var taking = valueOptions.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < arguments.Count; i++)
        {
            var text = arguments[i].Text;
            if (text == "--")
            {
                return arguments.Skip(i + 1 + operands).ToList();
            }
            if (text.Length > 1 && text[0] == '-')
            {
                i += taking.Contains(text) ? 1 : 0;
            }
            else if (operands-- == 0)
            {
                return arguments.Skip(i).ToList();
            }
        }
        return [];
    }

    private ShellValue RunXargs(List<ShellValue> arguments, ShellValue? input)
    {
        var command = OperandsAfter(arguments, 0, s_wrappers["xargs"].ValueOptions);
        var replace = arguments.Take(arguments.Count - command.Count).ToList();
        var marker = "{}";
        for (var i = 0; i < replace.Count; i++)
        {
            if (replace[i].Text.StartsWith("-I", StringComparison.Ordinal))
            {
                marker = replace[i].Text.Length > 2 ? replace[i].Text[2..] : i + 1 < replace.Count ? replace[i + 1].Text : marker;
            }
        }
        Add("xargs", arguments, []);
        var taken = input ?? ShellValue.Unknown;
        var items = taken.IsKnown
            ? taken.Text.Split([' ', '\t', '\n', '\0'], StringSplitOptions.RemoveEmptyEntries).Select(item => new ShellValue(item.Trim('"', '\''), taken.Taint)).ToList()
            : taken.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(item => new ShellValue(item, taken.Taint)).ToList();
        if (command.Count == 0)
        {
            return taken;
        }
        if (!command.Exists(word => word.Text.Contains(marker, StringComparison.Ordinal)))
        {
            return Dispatch([.. command, .. items], null);
        }
        return items.Count == 0 ? ShellValue.Empty : Join(items.Take(20).Append(items[^1]).Select(item => Dispatch(Place(command, marker, item, append: false), null)));
    }

    private static List<ShellValue> Place(List<ShellValue> command, string marker, ShellValue item, bool append = true)
    {
        var placed = command.ConvertAll(word => word.Text.Contains(marker, StringComparison.Ordinal)
            ? new ShellValue(word.Text.Replace(marker, item.Text, StringComparison.Ordinal), word.Taint | item.Taint).Bounded()
            : word);
        return append && command.TrueForAll(word => !word.Text.Contains(marker, StringComparison.Ordinal)) ? [.. command, item] : placed;
    }

    private ShellValue RunFind(List<ShellValue> arguments)
    {
        var start = arguments.FindIndex(argument => argument.Text.Length > 0 && (argument.Text is "(" or "!" || (argument.Text[0] == '-' && argument.Text is not ("-H" or "-L" or "-P"))));
        start = start < 0 ? arguments.Count : start;
        var roots = arguments.Take(start).Where(argument => !argument.Text.StartsWith('-')).ToList();
        if (roots.Count == 0)
        {
            roots.Add(new ShellValue("."));
        }
        var filter = arguments.FindIndex(argument => argument.Text is "-name" or "-iname" or "-path" or "-wholename" or "-regex" or "-empty");
        var name = filter >= 0 && arguments[filter].Text == "-empty" ? "empty" : filter >= 0 && filter + 1 < arguments.Count ? arguments[filter + 1].Text : "";
        var glob = new System.Text.StringBuilder();
        ShellPath.AppendGlob(glob, ShellPath.Name(name.Length > 0 ? name : "*"));
        var found = roots.ConvertAll(root => root with { Text = $"{root.Text.TrimEnd('/')}/{ShellValue.Below}/{glob}" });
        var effects = new List<Effect>();
        var commands = new List<List<ShellValue>>();
        for (var i = start; i < arguments.Count; i++)
        {
            switch (arguments[i].Text)
            {
                case "-delete":
                    effects.AddRange(found.Select(path => new Effect(EffectKind.Delete, _state.Resolve(path.Text))));
                    break;
                case "-fprint" or "-fprintf" or "-fls" when i + 1 < arguments.Count:
                    effects.Add(new Effect(EffectKind.Write, _state.Resolve(arguments[i + 1].Text)));
                    break;
                case "-exec" or "-execdir" or "-ok" or "-okdir":
                    var command = arguments.Skip(i + 1).TakeWhile(argument => argument.Text is not (";" or "+")).ToList();
                    commands.Add(command);
                    i += command.Count;
                    break;
            }
        }
        Add("find", arguments, effects);
        foreach (var command in commands)
        {
            foreach (var path in found.Take(8))
            {
                Dispatch(Place(command, "{}", path, append: false), null);
            }
        }
        return new ShellValue(string.Join('\n', found.Select(path => path.Text)) + "\n");
    }
}
