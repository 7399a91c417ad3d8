namespace AgentKernel.AgentBus.Voters.Rules.Shell;

internal enum EffectKind
{
    /// <summary>A file's content is read. The subject is its full path.</summary>
    Read,

    /// <summary>A file or its rights are changed, or it is made.</summary>
    Write,

    Delete,

    /// <summary>Code runs whose text is not in the line. The taint tells where it comes from.</summary>
    RunsCode,

    /// <summary>Something goes to a host, the subject. The taint tells what.</summary>
    Send,

    /// <summary>A variable is set for what runs; the subject is <c>name=value</c>.</summary>
    Sets,

    /// <summary>A command that starts itself over and over.</summary>
    Multiplies,

    /// <summary>It cannot be told what runs, and the line has a word that makes it matter; the subject says why.</summary>
    Uncertain,
}

internal sealed record Effect(EffectKind Kind, string Subject, Taint Taint = Taint.None);

/// <summary>One command that would run, with all that is known of what it does.</summary>
/// <param name="Command">The program's name without its folder.</param>
internal sealed record ShellAction(string Command, IReadOnlyList<ShellValue> Arguments, IReadOnlyList<Effect> Effects)
{
    public override string ToString() => Arguments.Count == 0 ? Command : $"{Command} {string.Join(' ', Arguments)}";
}

/// <summary>Where a line would run, and what is special there.</summary>
/// <param name="Folder">The folder it begins in.</param>
/// <param name="PathTaint">What is known of a file by its full path.</param>
/// <param name="IsRiskyWord">Whether a word makes a command that is not understood one to stop.</param>
/// <param name="IsTrustedOutput">Whether what a command line prints may be run unseen, such as <c>ssh-agent -s</c>.</param>
internal sealed record ShellSurroundings(
    string Workspace, string Home, string Folder, Func<string, Taint> PathTaint, Func<string, bool> IsRiskyWord, Func<string, bool> IsTrustedOutput);
