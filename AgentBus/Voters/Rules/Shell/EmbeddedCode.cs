namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary>What names in a program text tell of what it does. A guess: a scripting language cannot be followed like a shell line.</summary>
internal static class EmbeddedCode
{
    private static readonly Dictionary<string, CodeLanguage> s_languages = new()
    {
        ["perl"] = CodeLanguage.Perl,
        ["ruby"] = CodeLanguage.Ruby,
        ["irb"] = CodeLanguage.Ruby,
        ["node"] = CodeLanguage.JavaScript,
        ["nodejs"] = CodeLanguage.JavaScript,
        ["deno"] = CodeLanguage.JavaScript,
        ["bun"] = CodeLanguage.JavaScript,
        ["php"] = CodeLanguage.Php,
        ["lua"] = CodeLanguage.Lua,
        ["luajit"] = CodeLanguage.Lua,
        ["awk"] = CodeLanguage.Awk,
        ["gawk"] = CodeLanguage.Awk,
        ["mawk"] = CodeLanguage.Awk,
        ["nawk"] = CodeLanguage.Awk,
        ["tclsh"] = CodeLanguage.Tcl,
        ["expect"] = CodeLanguage.Tcl,
        ["Rscript"] = CodeLanguage.R,
    };

    /// <summary>Names that start programs.</summary>
    public static IReadOnlySet<string> Starters { get; } = new HashSet<string>
    {
        "system", "popen", "Popen", "subprocess", "pty", "spawn", "spawnv", "spawnl", "spawnlp", "execv", "execve", "execl", "execlp", "execvp", "posix_spawn",
        "child_process", "execSync", "execFile", "execFileSync", "spawnSync", "qx", "shell_exec", "passthru", "proc_open", "pcntl_exec", "Open3", "IO_popen",
        "os_execute", "getoutput", "startfile", "commands", "dup2",
    };

    /// <summary>Names that run text as code, or reach what is not named.</summary>
    public static IReadOnlySet<string> Evaluators { get; } = new HashSet<string>
    {
        "eval", "__import__", "marshal", "ctypes", "Function", "vm", "instance_eval", "class_eval", "create_function", "loadstring", "runpy", "importlib", "__builtins__", "cffi",
    };

    /// <summary>Names by which texts are put together that do not stand in the code.</summary>
    public static IReadOnlySet<string> Disguises { get; } = new HashSet<string>
    {
        "chr", "b64decode", "fromhex", "unhexlify", "fromCharCode", "atob", "pack", "unpack", "base64_decode", "decode_base64", "decode64", "reversed", "reverse", "rot13",
        "decode", "decompress", "getattr", "globals", "hex2bin", "str_rot13", "strrev", "sprintf", "format", "join", "replace",
    };

    public static IReadOnlySet<string> Deleters { get; } = new HashSet<string>
    {
        "rmtree", "unlink", "rmdir", "removedirs", "rmSync", "unlinkSync", "rmdirSync", "rm_rf", "rm_r", "rm_f", "rimraf", "remove_entry", "rmdir_r",
    };

    /// <summary>Names that delete too, and mean many harmless things.</summary>
    public static IReadOnlySet<string> MaybeDeleters { get; } = new HashSet<string> { "remove", "rm", "delete", "truncate" };

    public static IReadOnlySet<string> Writers { get; } = new HashSet<string>
    {
        "write", "write_text", "write_bytes", "writeFileSync", "writeFile", "appendFile", "appendFileSync", "createWriteStream", "chmod", "chown", "symlink", "link", "rename", "renames",
        "copy", "copy2", "copyfile", "copytree", "move", "makedirs", "mkdir", "file_put_contents", "fwrite", "writelines", "copyFileSync", "dump",
    };

    public static IReadOnlySet<string> Network { get; } = new HashSet<string>
    {
        "socket", "socketserver", "urlopen", "urllib", "urlretrieve", "requests", "httpx", "aiohttp", "http", "https", "httplib", "fetch", "net", "dgram", "Net", "LWP", "HTTP", "fsockopen",
        "TCPSocket", "UDPSocket", "Socket", "TCPServer", "XMLHttpRequest", "axios", "curl_init", "curl_exec", "smtplib", "ftplib", "telnetlib", "paramiko", "got", "open_uri", "WebSocket", "axel",
    };

    public static IReadOnlySet<string> EnvironmentReaders { get; } = new HashSet<string> { "environ", "getenv", "env", "ENV", "environb", "_ENV" };

    public static IReadOnlySet<string> HomeFinders { get; } = new HashSet<string> { "home", "expanduser", "homedir", "HOME", "sep", "expandvars" };

    public static IReadOnlySet<string> FileReaders { get; } = new HashSet<string>
    {
        "open", "read", "read_text", "read_bytes", "readFileSync", "readFile", "createReadStream", "file_get_contents", "fopen", "slurp",
    };

    public static CodeLanguage? LanguageOf(string program)
    {
        if (s_languages.TryGetValue(program, out var language))
        {
            return language;
        }
        return program.StartsWith("python", StringComparison.Ordinal) || program is "pypy" or "pypy3" or "ipython" ? CodeLanguage.Python
            : program.StartsWith("perl5", StringComparison.Ordinal) ? CodeLanguage.Perl
            : program.StartsWith("ruby", StringComparison.Ordinal) ? CodeLanguage.Ruby
            : null;
    }
}
