using System.Net;
using System.Net.Sockets;

namespace AgentKernel.Spawner.Backends.Local;

/// <summary>
/// Chooses the loopback ports of starting programs. A port is free at the moment it is chosen, and is not chosen again
/// while the program that was given it has still to listen there. One that another program of the machine takes in
/// between makes the start fail with what the agent prints.
/// </summary>
internal sealed class LoopbackPorts
{
    private readonly HashSet<int> _given = [];

    /// <summary>A free port; disposing lets it be chosen again.</summary>
    public Port Take()
    {
        lock (_given)
        {
            while (true)
            {
                using var probe = new TcpListener(IPAddress.Loopback, 0);
                probe.Start();
                var number = ((IPEndPoint)probe.LocalEndpoint).Port;
                if (_given.Add(number))
                {
                    return new(this, number);
                }
            }
        }
    }

    internal sealed class Port(LoopbackPorts owner, int number) : IDisposable
    {
        public int Number { get; } = number;

        public void Dispose()
        {
            lock (owner._given)
            {
                owner._given.Remove(Number);
            }
        }
    }
}
