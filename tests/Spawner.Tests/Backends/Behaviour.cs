namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>What an agent of the contract tests does. All but the last two become ready, then wait to be released.</summary>
public enum Behaviour
{
    /// <summary>Prints <c>up</c>, and <c>released</c> at each release; SIGTERM ends it.</summary>
    Idle,
    /// <summary>Prints <c>bye</c> and exits with 3.</summary>
    Exits,
    /// <summary>Is ended by SIGKILL.</summary>
    IsKilled,
    /// <summary>Prints 25 MiB, then <c>the newest line</c>, and exits with 0.</summary>
    Floods,
    /// <summary>Prints the first of its secrets and exits with 0.</summary>
    PrintsSecret,
    /// <summary>Prints its environment, <c>NAME=value</c> a line, and exits with 0.</summary>
    PrintsEnvironment,
    /// <summary>Takes no notice of SIGTERM.</summary>
    IgnoresTerm,
    /// <summary>Has started processes that outlive it, in its session and out of it.</summary>
    LeavesChildren,
    /// <summary>Tells that it has started, and never that it is ready.</summary>
    NeverReady,
    /// <summary>Prints <c>no model</c> and exits with 7 before it is ready.</summary>
    ExitsAtStart,
}
