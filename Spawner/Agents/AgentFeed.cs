using System.Threading.Channels;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;

namespace AgentKernel.Spawner.Agents;

/// <summary>
/// Hands every change of an agent to those who watch, in order. A watcher that falls more than <see cref="Backlog"/>
/// changes behind is cut off with an error: it must watch again, and begins with a snapshot.
/// </summary>
internal sealed class AgentFeed
{
    private const int Backlog = 1024;

    private readonly Lock _gate = new();
    private readonly List<Channel<Agent>> _watchers = [];
    private RpcException? _end;

    /// <summary>Tells all watchers. The caller calls in the order of the revisions.</summary>
    public void Publish(Agent agent)
    {
        lock (_gate)
        {
            foreach (var watcher in _watchers.Where(watcher => !watcher.Writer.TryWrite(agent)).ToList())
            {
                watcher.Writer.TryComplete(new RpcException(RpcStatusCode.ResourceExhausted, $"this watcher fell more than {Backlog} changes behind; watch again"));
                _watchers.Remove(watcher);
            }
        }
    }

    /// <summary>Begins to watch. Changes from this call on are kept for the reader.</summary>
    public ChannelReader<Agent> Subscribe()
    {
        var channel = Channel.CreateBounded<Agent>(Backlog);
        lock (_gate)
        {
            if (_end is { } end)
            {
                channel.Writer.Complete(end);
            }
            else
            {
                _watchers.Add(channel);
            }
        }

        return channel.Reader;
    }

    /// <summary>Ends all watching, now and from now on.</summary>
    public void End(RpcException reason)
    {
        lock (_gate)
        {
            _end = reason;
            _watchers.ForEach(watcher => watcher.Writer.TryComplete(reason));
            _watchers.Clear();
        }
    }

    /// <summary>Ends what <see cref="Subscribe"/> began.</summary>
    public void Unsubscribe(ChannelReader<Agent> reader)
    {
        lock (_gate)
        {
            _watchers.RemoveAll(watcher => watcher.Reader == reader);
        }
    }
}
