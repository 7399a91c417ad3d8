using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Routing;

namespace AgentKernel.Rpc.Tests;

internal static class EchoMethods
{
    public const string Service = "rpc.tests.Echo";

    public static readonly UnaryMethod<SayRequest, SayResponse> Say = new(Service, "Say", SayRequest.Parser, SayResponse.Parser);
    /// <summary>The same with a limit of its own, beyond Kestrel's.</summary>
    public static readonly UnaryMethod<SayRequest, SayResponse> SayBig = new(Service, "SayBig", SayRequest.Parser, SayResponse.Parser);
    public static readonly UnaryMethod<HangRequest, HangResponse> Hang = new(Service, "Hang", HangRequest.Parser, HangResponse.Parser);
    public static readonly ServerStreamingMethod<CountRequest, CountResponse> Count = new(Service, "Count", CountRequest.Parser, CountResponse.Parser);
    public static readonly UnaryMethod<SignalRequest, SignalResponse> Signal = new(Service, "Signal", SignalRequest.Parser, SignalResponse.Parser);
    public static readonly UnaryMethod<SignalRequest, SignalResponse> Await = new(Service, "Await", SignalRequest.Parser, SignalResponse.Parser);
}

/// <summary>Named events that happen once.</summary>
internal sealed class Signals
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _signals = new();

    public Task Of(string name) => Source(name).Task;

    public void Set(string name) => Source(name).TrySetResult();

    private TaskCompletionSource Source(string name) => _signals.GetOrAdd(name, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
}

/// <summary>The echo service of <c>echo.proto</c>.</summary>
internal sealed class EchoService(Signals signals)
{
    public void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapRpc(EchoMethods.Say, SayAsync);
        endpoints.MapRpc(EchoMethods.SayBig, SayAsync, maxReceiveMessageBytes: 40 * 1024 * 1024);
        endpoints.MapRpc(EchoMethods.Hang, HangAsync);
        endpoints.MapRpc(EchoMethods.Count, (request, context) => CountAsync(request, context.CancellationToken));
        endpoints.MapRpc(EchoMethods.Signal, (request, _) =>
        {
            signals.Set(request.Name);
            return Task.FromResult(new SignalResponse());
        });
        endpoints.MapRpc(EchoMethods.Await, async (request, context) =>
        {
            await signals.Of(request.Name).WaitAsync(context.CancellationToken);
            return new SignalResponse();
        });
        endpoints.MapUnknownRpc(EchoMethods.Service);
    }

    private static Task<SayResponse> SayAsync(SayRequest request, RpcContext context)
    {
        context.ResponseTrailers.Add("echo-text", "yes");
        context.ResponseTrailers.Add("echo-bin", [0, 255, 128]);
        Fail(request.Failure);
        var response = new SayResponse
        {
            Text = request.Text,
            Data = request.ReplyBytes > 0 ? ByteString.CopyFrom(new byte[request.ReplyBytes]) : request.Data,
            Number = request.Number,
            Any = request.ReplyAnyType.Length > 0 ? new Any { TypeUrl = request.ReplyAnyType } : request.Any,
            Struct = request.Struct,
            Time = request.Time,
        };
        response.Labels.Add(request.Labels);
        foreach (var (key, value) in context.RequestMetadata)
            response.Metadata[key] = key.EndsWith("-bin", StringComparison.Ordinal) ? Convert.ToBase64String(context.RequestMetadata.GetBytes(key)!) : value;
        return Task.FromResult(response);
    }

    private async Task<HangResponse> HangAsync(HangRequest request, RpcContext context)
    {
        signals.Set($"{request.Key}/started");
        if (request.Stubborn)
        {
            await signals.Of($"{request.Key}/let-go");
            return new HangResponse();
        }
        await CancelledAsync(Task.Delay(Timeout.Infinite, context.CancellationToken), request.Key);
        return new HangResponse();
    }

    private async IAsyncEnumerable<CountResponse> CountAsync(CountRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var number = 1; number <= request.Count; number++)
        {
            if (request.Gated && number > 1)
                await CancelledAsync(signals.Of($"{request.Key}/{number}").WaitAsync(cancellationToken), request.Key);
            yield return new CountResponse { Number = number };
        }
        Fail(request.Failure);
    }

    private async Task CancelledAsync(Task waiting, string key)
    {
        try
        {
            await waiting;
        }
        catch (OperationCanceledException)
        {
            signals.Set($"{key}/cancelled");
            throw;
        }
    }

    private static void Fail(Failure? failure)
    {
        if (failure is { Crash: true })
            throw new InvalidOperationException("a secret detail " + failure.Message);
        if (failure is not null)
            throw new RpcException((RpcStatusCode)failure.Code, failure.Message);
    }
}
