using AgentKernel.AgentBus.Log;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Tests.Log;

/// <summary>What every log promises. Each store's test class inherits it.</summary>
public abstract class LogContract
{
    private const long End = long.MaxValue;

    /// <summary>Opens an empty log.</summary>
    internal abstract IBusLog OpenEmpty();

    [Fact]
    public async Task EmptyLog_Read_HasNothingAndIsComplete()
    {
        await using var log = OpenEmpty();

        var page = log.Read(0, End, 10, PayloadKinds.All);

        Assert.Empty(page.Entries);
        Assert.True(page.Complete);
        Assert.Equal(0, log.Tail);
        Assert.Equal(0, log.First);
    }

    [Fact]
    public async Task Append_OneAfterTheOther_GivesDensePositionsAndKeepsContents()
    {
        await using var log = OpenEmpty();

        for (var i = 0; i < 300; i++)
        {
            Assert.Equal(i, await log.AppendAsync(Entries.Input($"entry {i}"), Patience.Token));
            Assert.Equal(i + 1, log.Tail);
        }

        var page = log.Read(0, End, 1000, PayloadKinds.All);
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"entry {i}"), page.Entries.Select(Entries.Text));
        Assert.Equal(Enumerable.Range(0, 300).Select(i => (long)i), page.Entries.Select(entry => entry.Header.LogPosition));
        Assert.All(page.Entries, entry => Assert.InRange(entry.Header.RtTimestampMs, 1_700_000_000_000, 10_000_000_000_000));
    }

    [Fact]
    public async Task Append_ManyAtOnce_GivesEachItsOwnPosition()
    {
        await using var log = OpenEmpty();

        var positions = await Task.WhenAll(Enumerable.Range(0, 32).Select(writer => Task.Run(async () =>
        {
            var own = new List<(long Position, string Text)>();
            for (var i = 0; i < 50; i++)
            {
                var text = $"{writer}/{i}";
                own.Add((await log.AppendAsync(Entries.Input(text), Patience.Token), text));
            }

            return own;
        }))).WaitAsync(Patience.Token);

        Assert.All(positions, own => Assert.Equal(own.Order(), own)); // a writer's own appends keep their order
        var all = log.Read(0, End, 10_000, PayloadKinds.All).Entries;
        Assert.Equal(positions.SelectMany(own => own).OrderBy(append => append.Position), all.Select(entry => (entry.Header.LogPosition, Entries.Text(entry))));
        Assert.Equal(Enumerable.Range(0, 1600).Select(i => (long)i), all.Select(entry => entry.Header.LogPosition));
    }

    [Fact]
    public async Task Append_CancelledBefore_AppendsNothing()
    {
        await using var log = OpenEmpty();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await log.AppendAsync(Entries.Input("x"), new CancellationToken(canceled: true)));

        Assert.Equal(0, log.Tail);
    }

    [Fact]
    public async Task Append_OfEveryKind_ComesBackAsItWas()
    {
        await using var log = OpenEmpty();
        Payload[] payloads =
        [
            new() { Intention = new() { StringIntention = "intend", MinimumPolicyVersion = 3 } },
            new() { Vote = new() { IntentionId = 0, VoterId = "a", Reason = "b", AbstractVote = new() { ProbabilityVote = 0.25 } } },
            new() { DeciderPolicy = DeciderPolicy.FirstBooleanWins },
            new() { Commit = new() { IntentionId = 0, Reason = "c" } },
            new() { Abort = new() { IntentionId = 0, Reason = "d" } },
            new() { VoterPolicy = new() },
            new() { Control = new() { BaseEngineControl = new() { PolicyBatch = new() { NewVersion = 1 } } } },
            new() { InferenceInput = new() { StringInferenceInput = "" } },
            new() { InferenceOutput = new() { StringInferenceOutput = "\0 \u00e9 \U0001F600" } },
            new() { ActionOutput = new() { IntentionId = 0, StringActionOutput = new string('x', 100_000) } },
            new() { AgentInput = new() },
            new() { AgentOutput = new() },
            new() { Mail = new() { SenderAgentId = "m", Reply = new() { InReplyTo = "1", Message = new() { Body = "n" } } } },
        ];
        foreach (var payload in payloads)
        {
            await log.AppendAsync(payload.Clone(), Patience.Token);
        }

        Assert.Equal(payloads, log.Read(0, End, 100, PayloadKinds.All).Entries.Select(entry => entry.Payload));
        foreach (var (payload, i) in payloads.Select((payload, i) => (payload, i)))
        {
            Assert.Equal(i, Assert.Single(log.Read(0, End, 100, PayloadKinds.Of(payload.PayloadCase)).Entries).Header.LogPosition);
        }
    }

    [Fact]
    public async Task Read_InPages_GivesEachEntryOnceAndSaysWhenAllAreRead()
    {
        await using var log = OpenEmpty();
        for (var i = 0; i < 25; i++)
        {
            await log.AppendAsync(i % 5 == 0 ? Entries.Intention($"{i}") : Entries.Input($"{i}"), Patience.Token);
        }

        var kinds = PayloadKinds.Of(Payload.PayloadOneofCase.Intention);
        var first = log.Read(0, End, 3, kinds);
        var second = log.Read(first.Next, End, 3, kinds);

        Assert.Equal(["0", "5", "10"], first.Entries.Select(Entries.Text));
        Assert.Equal((11, false), (first.Next, first.Complete));
        Assert.Equal(["15", "20"], second.Entries.Select(Entries.Text));
        Assert.Equal((25, true), (second.Next, second.Complete));
        Assert.True(log.Read(11, End, 2, kinds).Complete); // full, and there is nothing more to come
        Assert.Empty(log.Read(0, End, 3, PayloadKinds.Of(new PayloadTypeFilter())).Entries);
    }

    [Fact]
    public async Task Read_ARange_EndsWhereItEnds()
    {
        await using var log = OpenEmpty();
        for (var i = 0; i < 10; i++)
        {
            await log.AppendAsync(Entries.Input($"{i}"), Patience.Token);
        }

        var page = log.Read(3, 6, 100, PayloadKinds.All);

        Assert.Equal(["3", "4", "5"], page.Entries.Select(Entries.Text));
        Assert.Equal((6, true), (page.Next, page.Complete));
        var beyond = log.Read(50, End, 10, PayloadKinds.All);
        Assert.Equal((0, 50, true), (beyond.Entries.Count, beyond.Next, beyond.Complete));
    }

    [Fact]
    public async Task Read_LargeEntries_EndsThePageBeforeItGrowsTooLargeForAMessage()
    {
        await using var log = OpenEmpty();
        for (var i = 0; i < 5; i++)
        {
            await log.AppendAsync(Entries.Input(new string((char)('a' + i), 900_000)), Patience.Token);
        }

        var page = log.Read(0, End, 100, PayloadKinds.All);

        Assert.Equal((2, 2, false), (page.Entries.Count, page.Next, page.Complete));
        Assert.Equal(3, log.Read(2, End, 100, PayloadKinds.All).Entries.Count + log.Read(4, End, 100, PayloadKinds.All).Entries.Count);
    }

    [Fact]
    public async Task WaitBeyond_AnAppend_WakesEveryoneWhoWaits()
    {
        await using var log = OpenEmpty();
        var waiting = Enumerable.Range(0, 10).Select(_ => log.WaitBeyondAsync(0, Patience.Token)).ToList();
        Assert.DoesNotContain(waiting, wait => wait.IsCompleted);

        await log.AppendAsync(Entries.Input("x"), Patience.Token);

        await Task.WhenAll(waiting).WaitAsync(Patience.Token);
        await log.WaitBeyondAsync(0, Patience.Token);
        Assert.False(log.WaitBeyondAsync(1, CancellationToken.None).IsCompleted);
    }

    [Fact]
    public async Task WaitBeyond_Cancelled_EndsAtOnce()
    {
        await using var log = OpenEmpty();
        using var cancel = new CancellationTokenSource();
        var wait = log.WaitBeyondAsync(0, cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(Patience.Token));
    }

    [Fact]
    public async Task Dispose_WhileSomeoneWaits_EndsTheWaitAndRefusesAppends()
    {
        var log = OpenEmpty();
        var wait = log.WaitBeyondAsync(0, CancellationToken.None);

        await log.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(Patience.Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await log.AppendAsync(Entries.Input("x"), Patience.Token));
    }

    /// <summary>
    /// Histories of appends and reads by callers at once: each append has one place in one order, and whatever had ended
    /// before an operation began is seen by it.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task History_OfManyAtOnce_IsLinearizable(int seed)
    {
        await using var log = OpenEmpty();
        var clock = 0L;
        var histories = await Task.WhenAll(Enumerable.Range(0, 12).Select(caller => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + caller);
            var own = new List<Operation>();
            for (var i = 0; i < 120; i++)
            {
                var began = Interlocked.Increment(ref clock);
                if (random.Next(3) > 0)
                {
                    var text = $"{caller}/{i}";
                    var position = await log.AppendAsync(Entries.Input(text), Patience.Token);
                    own.Add(new(began, Interlocked.Increment(ref clock), position + 1, position, text));
                }
                else
                {
                    var seen = random.Next(2) == 0 ? log.Tail : log.Read(0, End, int.MaxValue, PayloadKinds.All).Next;
                    own.Add(new(began, Interlocked.Increment(ref clock), seen, null, null));
                }
            }

            return own;
        }))).WaitAsync(Patience.Token);

        Linearizability.Check([.. histories.SelectMany(own => own)], log.Read(0, End, int.MaxValue, PayloadKinds.All).Entries.Select(Entries.Text).ToList());
    }
}
