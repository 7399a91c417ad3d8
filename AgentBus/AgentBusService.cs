using System.Diagnostics;
using AgentKernel.AgentBus.Access;
using AgentKernel.AgentBus.Buses;
using AgentKernel.AgentBus.Log;
using AgentKernel.Contracts.Bus;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus;

/// <summary>The RPCs of AgentBusService: who may call, what they ask for, and the answer as a message.</summary>
internal sealed class AgentBusService(BusDoor door, AgentBusOptions options, TimeProvider time)
{
    private static readonly TimeSpan LongestPoll = TimeSpan.FromMinutes(1);

    public async Task<AppendResponse> AppendAsync(AppendRequest request, RpcContext context)
    {
        var (bus, caller) = Enter(request.BusId, request.AgentBusId, context);
        var payload = AppendRules.Check(request.Payload, bus, caller);
        if (payload.CalculateSize() is var size && size > options.MaxEntryBytes)
        {
            throw new RpcException(RpcStatusCode.ResourceExhausted, $"payload has {size} bytes; an entry may have {options.MaxEntryBytes}");
        }

        var position = await OnLogAsync(payload.PayloadCase switch
        {
            Payload.PayloadOneofCase.Intention => () => bus.AppendIntentionAsync(payload, context.CancellationToken),
            Payload.PayloadOneofCase.DeciderPolicy or Payload.PayloadOneofCase.Control => () => new(bus.AppendPolicyAsync(payload, context.CancellationToken)),
            _ => () => bus.Log.AppendAsync(payload, context.CancellationToken),
        });
        if (payload.PayloadCase is Payload.PayloadOneofCase.Vote)
        {
            BusTrace.Voted(Activity.Current, bus.Id, payload.Vote);
        }

        return new() { LogPosition = position };
    }

    public Task<PollResponse> PollAsync(PollRequest request, RpcContext context)
    {
        var bus = EnterToRead(request.BusId, request.AgentBusId, context);
        CheckRange(request.StartLogPosition, request.MaxEntries);
        var page = Read(bus, request.StartLogPosition, long.MaxValue, request.MaxEntries, request.Filter);
        return Task.FromResult(new PollResponse { Entries = { page.Entries }, Complete = page.Complete });
    }

    public Task<ReadNextResponse> ReadNextAsync(ReadNextRequest request, RpcContext context)
    {
        var bus = EnterToRead(request.BusId, request.AgentBusId, context);
        CheckRange(request.StartLogPosition, request.MaxEntries);
        var tail = bus.Log.Tail;
        if (request.EndLogPosition < request.StartLogPosition || request.EndLogPosition > tail)
        {
            throw new RpcException(RpcStatusCode.OutOfRange, $"end_log_position is {request.EndLogPosition}; it must be at least start_log_position and at most the tail, {tail}");
        }

        var page = Read(bus, request.StartLogPosition, request.EndLogPosition, request.MaxEntries, request.Filter);
        return Task.FromResult(new ReadNextResponse { Entries = { page.Entries }, NextStartPosition = page.Next });
    }

    public Task<CheckTailResponse> CheckTailAsync(CheckTailRequest request, RpcContext context) =>
        Task.FromResult(new CheckTailResponse { TailPosition = EnterToRead(request.BusId, request.AgentBusId, context).Log.Tail });

    public async Task<BlockingPollResponse> BlockingPollAsync(BlockingPollRequest request, RpcContext context)
    {
        var bus = EnterToRead(request.BusId, request.AgentBusId, context);
        CheckRange(request.StartLogPosition, request.MaxEntries);
        if (request.TimeoutMs < 0)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "timeout_ms must be 0 or more");
        }

        var timeout = TimeSpan.FromMilliseconds(Math.Min(request.TimeoutMs, LongestPoll.TotalMilliseconds));
        using var timer = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, context.CancellationToken);
        var start = request.StartLogPosition;
        while (true)
        {
            var page = Read(bus, start, long.MaxValue, request.MaxEntries, request.Filter);
            if (page.Entries.Count > 0 || timer.IsCancellationRequested)
            {
                return new() { Entries = { page.Entries }, NextStartPosition = page.Next };
            }

            start = page.Next;
            try
            {
                await bus.Log.WaitBeyondAsync(start, either.Token);
            }
            catch (OperationCanceledException) when (timer.IsCancellationRequested && !context.CancellationToken.IsCancellationRequested)
            {
                // A last look, for what came as the time ran out.
            }
            catch (ObjectDisposedException)
            {
                throw Closed();
            }
        }
    }

    private static async Task<long> OnLogAsync(Func<ValueTask<long>> append)
    {
        try
        {
            return await append();
        }
        catch (BusLogException exception)
        {
            throw new RpcException(RpcStatusCode.Unavailable, $"the entry was not appended: {exception.Message}", exception);
        }
        catch (ObjectDisposedException)
        {
            throw Closed();
        }
    }

    private static LogPage Read(Bus bus, long start, long end, int max, PayloadTypeFilter? filter)
    {
        try
        {
            return bus.Log.Read(start, end, max, PayloadKinds.Of(filter));
        }
        catch (BusLogException exception)
        {
            throw new RpcException(RpcStatusCode.DataLoss, exception.Message, exception);
        }
        catch (ObjectDisposedException)
        {
            throw Closed();
        }
    }

    private (Bus Bus, BusCaller Caller) Enter(BusId? id, string legacyId, RpcContext context) => door.Enter(id is null ? legacyId : id.AgentBusId, context.HttpContext);

    private Bus EnterToRead(BusId? id, string legacyId, RpcContext context)
    {
        var (bus, caller) = Enter(id, legacyId, context);
        return caller is not BusCaller.Teammate ? bus : throw BusDoor.Denied();
    }

    private static void CheckRange(long start, int max)
    {
        if (start < 0)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "start_log_position must be 0 or more");
        }

        if (max < 1)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "max_entries must be at least 1");
        }
    }

    private static RpcException Closed() => new(RpcStatusCode.Unavailable, "the bus was closed");
}
