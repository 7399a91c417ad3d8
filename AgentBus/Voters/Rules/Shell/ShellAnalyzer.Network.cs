namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>What goes to which host.</summary>
internal sealed partial class ShellAnalyzer
{
    private static readonly HashSet<string> NetworkPrograms =
        ["curl", "wget", "nc", "ncat", "netcat", "socat", "telnet", "ssh", "sftp", "ftp", "tftp", "dig", "nslookup", "host", "ping", "ping6", "openssl",
         "mail", "mailx", "mutt", "sendmail", "aws", "gsutil", "gcloud", "rclone", "http", "https", "xh", "aria2c", "logger", "wall", "whois", "smbclient", "lftp"];

    private void CollectNetwork(string name, IReadOnlyList<ShellValue> arguments, List<ShellValue> operands, ShellValue? input, List<Effect> effects)
    {
        if (name is "openssl" && !arguments.Any(argument => argument.Text == "s_client"))
        {
            return;
        }
        var taint = input?.Taint ?? Taint.None;
        var hosts = new List<string>();
        for (var i = 0; i < arguments.Count; i++)
        {
            var argument = arguments[i];
            var previous = i > 0 ? arguments[i - 1].Text : "";
            var isHeader = previous is "-H" or "--header" or "-u" or "--user" or "-b" or "--cookie" || argument.Text.StartsWith("--header=", StringComparison.Ordinal);
            taint |= isHeader && (argument.Taint & Taint.Sensitive) != Taint.None ? (argument.Taint & ~Taint.Sensitive) | Taint.Credential : argument.Taint;
            taint |= SentFile(name, previous, argument);
            if (argument.Text.Contains("://", StringComparison.Ordinal) || (!argument.Text.StartsWith('-') && !TakesValue(name, previous)))
            {
                hosts.Add(HostIn(argument.Text));
            }
        }
        if (name is "sftp" or "ftp" or "lftp" or "tftp" && input is not null)
        {
            taint |= Taint.File;
        }
        // Programs for names and pings send only what stands in their arguments.
        if (name is "dig" or "nslookup" or "host" or "ping" or "ping6" or "whois")
        {
            taint &= ~Taint.File;
        }
        if (name is "aws" or "gsutil" or "gcloud")
        {
            hosts = hosts.Where(host => host.Length > 0 && arguments.Any(a => a.Text.Contains("://" + host, StringComparison.Ordinal))).ToList();
        }
        foreach (var host in hosts.Where(host => host.Length > 0).Distinct())
        {
            effects.Add(new Effect(EffectKind.Send, host, taint));
        }
        if (hosts.Count == 0 && name is "mail" or "sendmail" or "wall" or "logger")
        {
            effects.Add(new Effect(EffectKind.Send, name, taint));
        }
        if (name is "curl" or "wget" or "aria2c")
        {
            CollectDownload(name, arguments, operands, effects);
        }
    }

    private static bool TakesValue(string name, string option) => name switch
    {
        "curl" => option is "-d" or "-H" or "-o" or "-X" or "-F" or "-T" or "-u" or "-A" or "-b" or "-c" or "-e" or "-m" or "-w" or "-x"
            || (option.StartsWith("--", StringComparison.Ordinal) && option is "--data" or "--data-binary" or "--data-raw" or "--data-urlencode" or "--header" or "--output"
                or "--request" or "--form" or "--upload-file" or "--user" or "--max-time" or "--retry" or "--cookie" or "--user-agent" or "--proxy" or "--json" or "--cacert" or "--connect-timeout"),
        "wget" => option is "-O" or "-P" or "-o" or "-U" or "--header",
        "nc" or "ncat" or "netcat" => option is "-e" or "-p" or "-s" or "-w" or "-c" or "--exec" or "-i" or "-q",
        "openssl" => option is not ("-connect" or "-host"),
        "ssh" => option is "-i" or "-p" or "-o" or "-L" or "-R" or "-D" or "-F" or "-l",
        "mail" or "mailx" or "mutt" => option is "-s" or "-a",
        _ => false,
    };

    private Taint SentFile(string name, string previous, ShellValue argument)
    {
        var text = argument.Text;
        string? path = null;
        if (name == "curl")
        {
            var isData = previous is "-d" or "--data" or "--data-binary" or "--data-urlencode" or "--data-ascii" or "--json" || text.StartsWith("-d@", StringComparison.Ordinal)
                || (text.StartsWith("--data", StringComparison.Ordinal) && text.Contains("=@", StringComparison.Ordinal));
            var isForm = previous is "-F" or "--form" || text.StartsWith("-F", StringComparison.Ordinal);
            if (previous is "-T" or "--upload-file")
            {
                path = text;
            }
            else if ((isData || isForm) && text.IndexOfAny(['@', '<']) is >= 0 and var at && (isForm || at == 0 || text[at - 1] is '=' or 'd'))
            {
                path = text[(at + 1)..];
            }
        }
        else if (name == "wget" && (text.StartsWith("--post-file=", StringComparison.Ordinal) || text.StartsWith("--body-file=", StringComparison.Ordinal)))
        {
            path = text[(text.IndexOf('=', StringComparison.Ordinal) + 1)..];
        }
        else if (name is "aws" or "gsutil" or "gcloud" or "rclone" or "sftp" or "ftp" && !text.StartsWith('-') && !text.Contains("://", StringComparison.Ordinal))
        {
            return _surroundings.PathTaint(_state.Resolve(text)) & (Taint.Secret | Taint.Sensitive);
        }
        if (path is null or "-" or ".")
        {
            return path is null ? Taint.None : Taint.File;
        }
        var full = _state.Resolve(path.Split(';')[0]);
        return Taint.File | _surroundings.PathTaint(full) | (_state.Files.TryGetValue(full, out var content) ? content.Taint : Taint.None);
    }

    private void CollectDownload(string name, IReadOnlyList<ShellValue> arguments, List<ShellValue> operands, List<Effect> effects)
    {
        var output = name == "curl" ? ValueOf(arguments, "-o", "--output") : ValueOf(arguments, "-O", "--output-document", "-o");
        var folder = ValueOf(arguments, "-P", "--directory-prefix", "--output-dir", "-d") is { } given && name != "curl" ? given.Text + "/" : "";
        var isNamed = name == "curl" && arguments.Any(argument => argument.Text is "--remote-name" or ['-', not '-', ..] && argument.Text.Contains('O', StringComparison.Ordinal));
        // Clusters such as -sLo file.
        for (var i = 0; output is null && i + 1 < arguments.Count; i++)
        {
            var text = arguments[i].Text;
            if (text is ['-', not '-', ..] && text.Length > 2 && text.All(c => c == '-' || char.IsAsciiLetter(c)) && text[^1] == (name == "curl" ? 'o' : 'O'))
            {
                output = arguments[i + 1];
            }
        }
        if (output is { Text: not "-" } file)
        {
            var path = _state.Resolve(file.Text);
            effects.Add(new Effect(EffectKind.Write, path));
            _state.Files[path] = ShellValue.UnknownFrom(Taint.Download);
        }
        else if (isNamed || (name != "curl" && output is null))
        {
            foreach (var url in operands.Where(operand => operand.Text.Contains('.', StringComparison.Ordinal)))
            {
                _state.Files[_state.Resolve(folder + ShellPath.Name(url.Text.Split('?')[0]))] = ShellValue.UnknownFrom(Taint.Download);
            }
        }
    }

    /// <summary>The host in a URL, <c>user@host:path</c>, <c>host:port</c> or a bare host.</summary>
    private static string HostIn(string text)
    {
        var start = text.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme ? scheme + 3 : 0;
        var rest = text[start..];
        var end = rest.IndexOfAny(['/', '?', '#']);
        var authority = end < 0 ? rest : rest[..end];
        authority = authority[(authority.LastIndexOf('@') + 1)..];
        if (authority.StartsWith('['))
        {
            return authority.Trim('[').Split(']')[0];
        }
        var colon = authority.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? authority : start == 0 && colon == 0 ? "" : authority[..colon];
    }
}
