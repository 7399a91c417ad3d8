using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests.Agents;

/// <summary>A turn whose events are read as they come.</summary>
internal sealed class RunningTurn(HttpResponseMessage response, Func<string> agentOutput) : IAsyncDisposable
{
    private readonly CancellationTokenSource _reading = new();
    private IAsyncEnumerator<SseItem<string>>? _events;

    /// <summary>The next event; null at the end of the stream.</summary>
    public async Task<JsonNode?> NextAsync()
    {
        _events ??= SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync(_reading.Token).GetAsyncEnumerator(_reading.Token);
        var more = await Deadline.For(async _ => await _events.MoveNextAsync(), () => $"the turn's next event: {agentOutput()}");
        return more ? JsonNode.Parse(_events.Current.Data) : null;
    }

    /// <summary>The next event of a type, which all others before it are passed over for.</summary>
    public async Task<JsonNode> NextAsync(string type)
    {
        while (await NextAsync() is { } found)
        {
            if ((string?)found["event"]?["type"] == type)
                return found["event"]!;
        }
        throw new InvalidOperationException($"the turn ended without a {type} event");
    }

    public async Task<TurnResult> ReadToEndAsync()
    {
        var events = new List<JsonNode>();
        while (await NextAsync() is { } found)
            events.Add(found);
        return new TurnResult(events);
    }

    public async ValueTask DisposeAsync()
    {
        await _reading.CancelAsync();
        response.Dispose();
        _reading.Dispose();
    }
}

/// <summary>All events of a turn.</summary>
internal sealed record TurnResult(IReadOnlyList<JsonNode> Events)
{
    public string Text => string.Concat(Events.Select(e => (string)e["body"]!));

    public string? Error => Events.Select(e => (string?)e["error"]).SingleOrDefault(error => error is not null);

    public IReadOnlyList<JsonNode> Of(string type) => [.. Events.Select(e => e["event"]).Where(e => (string?)e?["type"] == type).Select(e => e!)];

    public string ToolOutput => (string)Of("tool_result").Single()["output"]!;

    /// <summary>What holds for every turn: it ends with one done event, which nothing follows.</summary>
    public TurnResult Whole()
    {
        Assert.True((bool)Events[^1]["done"]!);
        Assert.Equal("", (string)Events[^1]["body"]!);
        Assert.DoesNotContain(Events.SkipLast(1), e => (bool)e["done"]!);
        return this;
    }

    public TurnResult Succeeded()
    {
        Assert.Null(Whole().Error);
        return this;
    }
}
