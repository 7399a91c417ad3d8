using System.ComponentModel;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Local;

/// <summary>Starts an agent of this machine and waits until it is ready; the same in a sandbox and out of it.</summary>
internal static class ShimmedStart
{
    private const int TailBytes = 4096;

    /// <summary>The last of its output, secrets struck out.</summary>
    public static string Tail(AgentSpec spec) => SecretRedactor.Tail(new AgentLog(spec.Folder), spec.Secrets, TailBytes);

    /// <summary>Returns when the agent can take turns; when it throws, none of its processes is left, and its place is removed.</summary>
    /// <param name="notification">Where it says that it is ready; null: it is asked for its health.</param>
    /// <param name="findSocket">Makes its socket reachable; returns why it cannot be reached yet, or null.</param>
    /// <exception cref="AgentStartException">It could not be started, ended or hung.</exception>
    public static async Task<IAgentHandle> RunAsync(
        Func<ShimmedProcess> start, AgentPlace place, AgentSpec spec, ReadyNotification? notification, TimeProvider time, CancellationToken cancellationToken,
        Func<string?>? findSocket = null)
    {
        ShimmedProcess process;
        try
        {
            process = start();
        }
        catch (Exception exception) when (exception is Win32Exception or IOException)
        {
            place.Remove();
            throw new AgentStartException(exception.Message, exception);
        }
        catch (AgentStartException)
        {
            place.Remove();
            throw;
        }

        try
        {
            await WaitUntilReadyAsync(process, spec, place.Endpoint, notification, findSocket ?? (() => null), time, cancellationToken);
            process.HoldFully();
            return new LocalAgent(process, place, spec);
        }
        catch (Exception exception)
        {
            try
            {
                await process.StopAsync(TimeSpan.Zero);
            }
            catch (IOException leftover)
            {
                throw new AgentStartException($"{exception.Message}; and {leftover.Message}", exception);
            }
            finally
            {
                place.Remove();
            }

            throw;
        }
    }

    private static async Task WaitUntilReadyAsync(
        ShimmedProcess process, AgentSpec spec, AgentEndpoint endpoint, ReadyNotification? notification, Func<string?> findSocket, TimeProvider time, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(spec.StartTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        var refused = "";
        var ready = notification?.WaitAsync(either.Token)
            ?? HealthProbe.WaitAsync(endpoint, spec.AgentId, findSocket, problem => refused = $": {problem}", time, either.Token);
        await Task.WhenAny(ready, process.Completion);
        if (!ready.IsCompletedSuccessfully)
        {
            await either.CancelAsync();
            await ready.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (process.Completion.IsCompleted)
        {
            var exit = await process.Completion;
            throw Failed($"it {new AgentEnd(exit.Code, exit.Signal, "", Limit: exit.Limit).Describe()} before it was ready{refused}");
        }

        if (!ready.IsCompletedSuccessfully)
        {
            throw Failed($"it was not ready within {spec.StartTimeout.TotalSeconds:0.###} s{refused}");
        }

        if (notification is not null && findSocket() is { } missing)
        {
            throw Failed($"it said that it was ready, but {missing}");
        }

        AgentStartException Failed(string what) => new(Tail(spec) is { Length: > 0 } tail ? $"{what}; its last output: {tail}" : $"{what}, and printed nothing");
    }
}
