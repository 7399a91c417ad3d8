using AgentKernel.Spawner.AgentTypes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>Agents written in sh. They are released through the FIFO <c>release</c> in their folder (or that of <c>FIFOS</c>), and say through <c>runs</c> that they run.</summary>
internal static class ShellAgent
{
    // sd_notify(3) in the perl that every Debian has; and a socket, where the backend looks for one.
    private const string Ready =
        """ready() { perl -MSocket -e 'socket(L, AF_UNIX, SOCK_STREAM, 0) && bind(L, sockaddr_un($ENV{SOCKET})) or die $! if $ENV{SOCKET}; socket(S, AF_UNIX, SOCK_DGRAM, 0) && send(S, "READY=1", 0, sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!'; }; released() { read x <"${FIFOS:-$HOME/..}/release"; }; """;

    /// <summary>An agent type that runs a script; it is ready when the script calls <c>ready</c>.</summary>
    public static AgentType Type(string script, string name = "shell")
    {
        _ = Machine.Program("perl");
        return new() { Name = name, Command = ["/bin/sh", "-c", Ready + script, "agent"], Listen = AgentListener.UnixSocket, Ready = AgentReadiness.Notify };
    }

    public static AgentType Type(Behaviour behaviour) => Type(behaviour switch
    {
        Behaviour.Idle => "echo up; exec 3<\"${FIFOS:-$HOME/..}/release\"; ready; while read x <&3; do echo released; done",
        Behaviour.Exits => "ready; released; echo bye; exit 3",
        Behaviour.IsKilled => "ready; released; kill -9 $$",
        Behaviour.Floods => "ready; released; head -c 26214400 /dev/zero | tr '\\0' x; echo; echo the newest line",
        Behaviour.PrintsSecret => "ready; released; echo \"secret: $SECRET\"",
        Behaviour.PrintsEnvironment => "ready; released; env",
        Behaviour.IgnoresTerm => "trap '' TERM; ready; released",
        Behaviour.LeavesChildren => "sleep 1000 & setsid sleep 1000 & (setsid sh -c 'sleep 1000 & wait' &); ready; released; exit 0",
        Behaviour.NeverReady => "trap '' TERM; echo >\"${FIFOS:-$HOME/..}/runs\"; released; released",
        Behaviour.ExitsAtStart => "echo no model; exit 7",
        _ => throw new ArgumentOutOfRangeException(nameof(behaviour)),
    });
}
