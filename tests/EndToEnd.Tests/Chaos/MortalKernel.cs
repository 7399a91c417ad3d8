using AgentKernel.Client;
using AgentKernel.Rpc;

namespace AgentKernel.EndToEnd.Tests.Chaos;

/// <summary>A kernel that is killed and started again on the same data directory, while others go on calling it.</summary>
internal sealed class MortalKernel : IAsyncDisposable
{
    private readonly List<Life> _lives = [];
    private volatile Task<Life> _current;

    private MortalKernel(string home, Life first)
    {
        Home = home;
        _lives.Add(first);
        _current = Task.FromResult(first);
    }

    public string Home { get; }

    /// <summary>The kernel as it is now.</summary>
    public RunningKernel Last => _lives[^1].Kernel;

    public static async Task<MortalKernel> StartAsync()
    {
        var home = RunningKernel.NewHome();
        return new(home, new(await RunningKernel.StartAsync(home)));
    }

    /// <summary>Calls the kernel that runs, or that runs next.</summary>
    /// <returns>False where it was killed meanwhile, and nobody knows how far it came. Any other failure is thrown.</returns>
    public async Task<bool> TryAsync(Func<AgentKernelClient, Task> call)
    {
        var life = await _current;
        try
        {
            await call(life.Kernel.Client);
            return true;
        }
        catch (Exception exception) when (life.Doomed && exception is RpcException or AgentTurnException or HttpRequestException or IOException)
        {
            return false;
        }
    }

    /// <summary>Kills it with SIGKILL, whatever it is doing, and starts the next.</summary>
    public async Task KillAsync()
    {
        var next = new TaskCompletionSource<Life>(TaskCreationOptions.RunContinuationsAsynchronously);
        _lives[^1].Doomed = true; // first: its callers may see their calls fail from here on
        _current = next.Task;
        await _lives[^1].Kernel.EndAsync("KILL");
        _lives.Add(new(await RunningKernel.StartAsync(Home)));
        next.SetResult(_lives[^1]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var life in _lives)
        {
            await life.Kernel.DisposeAsync();
        }

        Directory.Delete(Home, recursive: true);
    }

    private sealed class Life(RunningKernel kernel)
    {
        public RunningKernel Kernel { get; } = kernel;

        public volatile bool Doomed;
    }
}
