using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using AgentKernel.AgentBus.Log;
using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace AgentKernel.AgentBus.Buses;

/// <summary>Every bus of the service. Those that an earlier service has left are read back at start, and what is undecided on them is decided.</summary>
/// <param name="folder">Where registrations are kept; null: nowhere.</param>
internal sealed partial class BusDirectory(IBusLogStore logs, BusFolder? folder, VoterCatalog voters, AgentBusOptions options, TimeProvider time, ILogger<BusDirectory> logger)
    : IHostedService, IAsyncDisposable
{
    /// <summary>The voter that the kernel's agents have unless their owner says otherwise.</summary>
    public const string RulesVoter = "rules";

    private static readonly TimeSpan PruneInterval = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, Bus> _buses = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _changing = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private Task _pruning = Task.CompletedTask;
    private bool _disposed;

    public IEnumerable<Bus> All => _buses.Values.OrderBy(bus => bus.Registration.CreatedAt);

    public Bus? Find(string busId) => _buses.GetValueOrDefault(busId);

    /// <summary>Buses whose log could not be read back, with the reason; their agents' actions are refused.</summary>
    public ConcurrentDictionary<string, string> Unreadable { get; } = new(StringComparer.Ordinal);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var registration in folder?.ReadRegistrations() ?? [])
        {
            try
            {
                _buses[registration.BusId] = Open(registration);
            }
            catch (BusLogException exception)
            {
                // One log that is damaged must not stop the others.
                LogUnreadable(logger, registration.BusId, exception);
                Unreadable[registration.BusId] = exception.Message;
            }
        }

        _pruning = PruneAsync();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _pruning;
    }

    /// <summary>Opens a bus, or takes one up again, and gives its agent a token.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT naming the field; DATA_LOSS where its log cannot be read back.</exception>
    public async Task<string> RegisterAsync(RegisterBusRequest request, CancellationToken cancellationToken)
    {
        if (request.BusId.Length > 128 || !BusIdPattern().IsMatch(request.BusId))
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "bus_id must be {agent_name}.{agent_uuid}");
        }

        if (request.OwnerNonceSha256.Length is not (0 or 32))
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "owner_nonce_sha256 must have 32 bytes, or none");
        }

        await _changing.WaitAsync(cancellationToken);
        try
        {
            ThrowIfUnreadable(request.BusId);
            var token = SecretToken.Create();
            var known = Find(request.BusId);
            var registration = new BusRegistration(
                request.BusId, request.TeamId, SecretToken.Hash(token), request.OwnerNonceSha256.ToByteArray(), request.DisableSafety, known?.Registration.CreatedAt ?? time.GetUtcNow());
            folder?.Write(registration);
            if (known is not null)
            {
                known.Registration = registration;
            }
            else
            {
                known = Open(registration);
                _buses[registration.BusId] = known;
            }

            if (known.Log.Tail == 0)
            {
                await known.AppendPolicyAsync(FirstPolicy(request.DisableSafety), cancellationToken);
            }

            return token;
        }
        catch (BusLogException exception)
        {
            throw new RpcException(RpcStatusCode.DataLoss, exception.Message, exception);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Removes a bus with its log.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> DeleteAsync(string busId, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            if (_buses.TryRemove(busId, out var bus))
            {
                await bus.DisposeAsync();
            }
            else if (!Unreadable.TryRemove(busId, out _))
            {
                return false;
            }

            folder?.Delete(busId);
            logs.Delete(busId);
            return true;
        }
        finally
        {
            _changing.Release();
        }
    }

    public void ThrowIfUnreadable(string busId)
    {
        if (Unreadable.TryGetValue(busId, out var reason))
        {
            throw new RpcException(RpcStatusCode.DataLoss, $"the log of {busId} cannot be read back, so nothing is appended to it: {reason}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return; // the container holds it twice: as what it is, and as what is hosted
        }

        await _stopping.CancelAsync();
        await _pruning;
        foreach (var bus in _buses.Values)
        {
            await bus.DisposeAsync();
        }

        _buses.Clear();
        _stopping.Dispose();
        _changing.Dispose();
    }

    private Bus Open(BusRegistration registration)
    {
        var policy = folder?.ReadPolicy(registration.BusId) ?? BusPolicy.Initial;
        return new Bus(registration, logs.Open(registration.BusId), policy, voters, options, time, logger);
    }

    // What a new bus begins with, on its log for everyone to see.
    private static Payload FirstPolicy(bool disableSafety)
    {
        var batch = new PolicyBatch { DeciderPolicy = disableSafety ? DeciderPolicy.OnByDefault : DeciderPolicy.FirstBooleanWins, NewVersion = 1 };
        if (!disableSafety)
        {
            var rules = new Voter { RuleBased = new(), Quorum = new() { All = new() } };
            batch.VoterOps[RulesVoter] = new() { Add = new() { Config = new() { Custom = Any.Pack(rules) } } };
        }

        return new() { Control = new() { BaseEngineControl = new() { PolicyBatch = batch } } };
    }

    private async Task PruneAsync()
    {
        if (folder is null || (options.RetainBytes is null && options.RetainAge is null))
        {
            return;
        }

        try
        {
            using var timer = new PeriodicTimer(PruneInterval, time);
            do
            {
                foreach (var bus in _buses.Values)
                {
                    await PruneAsync(bus);
                }
            }
            while (await timer.WaitForNextTickAsync(_stopping.Token));
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The service stops.
        }
    }

    private async Task PruneAsync(Bus bus)
    {
        try
        {
            await bus.PruneAsync(policy => folder!.WritePolicy(bus.Id, policy), _stopping.Token);
        }
        catch (Exception exception) when (exception is IOException or BusLogException or ObjectDisposedException)
        {
            LogNotPruned(logger, bus.Id, exception); // tried again in an hour
        }
    }

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex BusIdPattern();

    [LoggerMessage(LogLevel.Error, "the log of bus {BusId} cannot be read back; it takes nothing more")]
    private static partial void LogUnreadable(ILogger logger, string busId, Exception exception);

    [LoggerMessage(LogLevel.Warning, "the oldest entries of bus {BusId} could not be dropped")]
    private static partial void LogNotPruned(ILogger logger, string busId, Exception exception);
}
