using AgentKernel.AgentBus.Log;
using AgentKernel.AgentBus.Log.Durable;
using AgentKernel.Contracts.Bus;
using FsCheck;
using FsCheck.Fluent;

namespace AgentKernel.AgentBus.Tests.Log;

/// <summary>Random histories of appends, reads, filters, drops and crashes, against a list in memory.</summary>
public sealed class LogModelTests
{
    private const int SegmentBytes = 700;

    [Fact]
    public void SegmentedLog_AnyHistory_BehavesAsAListThatKeepsWhatWasAcknowledged() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(150).WithEndSize(60), Prop.ForAll(Steps().ListOf().ToArbitrary(), steps => RunAsync([.. steps]).GetAwaiter().GetResult()));

    private static Gen<Step> Steps() => Gen.Frequency(
        (8, from text in Text() from kind in Gen.Choose(0, 2) select (Step)new Append(text, kind)),
        (2, from text in Text() from count in Gen.Choose(2, 12) select (Step)new AppendTogether(text, count)),
        (5, from start in Gen.Choose(-1, 80) from length in Gen.Choose(0, 80) from max in Gen.Choose(1, 20) from kinds in Gen.Choose(0, 8) select (Step)new Read(start, length, max, kinds)),
        (1, Gen.Constant((Step)new Reopen())),
        (3, from bytes in Gen.Choose(1, 200) from damage in Gen.Choose(0, 3) select (Step)new Crash(bytes, damage)),
        (1, from bytes in Gen.Choose(0, 3000) select (Step)new Drop(bytes)));

    private static Gen<string> Text() => Gen.Choose(0, 200).Select(length => new string('x', length));

    private static async Task RunAsync(IReadOnlyList<Step> steps)
    {
        using var folder = new TemporaryFolder();
        var log = SegmentedLog.Open(folder.Path, SegmentBytes, TimeProvider.System);
        try
        {
            var model = new List<Payload>();
            foreach (var step in steps)
            {
                switch (step)
                {
                    case Append append:
                        Assert.Equal(model.Count, await log.AppendAsync(append.Payload, Patience.Token));
                        model.Add(append.Payload);
                        break;
                    case AppendTogether together:
                        var appends = Enumerable.Range(0, together.Count).Select(i => new Append($"{together.Text}{i}", i % 3).Payload).ToList();
                        var positions = await Task.WhenAll(appends.Select(payload => Task.Run(async () => await log.AppendAsync(payload, Patience.Token))));
                        model.AddRange(positions.Zip(appends).OrderBy(pair => pair.First).Select(pair => pair.Second));
                        Assert.Equal(model.Count, positions.Max() + 1);
                        break;
                    case Read read:
                        CheckRead(log, model, read);
                        break;
                    case Drop drop:
                        log.DropBefore(log.FirstToKeep(drop.Bytes, null));
                        break;
                    default:
                        await log.DisposeAsync();
                        (step as Crash)?.LeaveATornWrite(folder.Path, model.Count);
                        log = SegmentedLog.Open(folder.Path, SegmentBytes, TimeProvider.System);
                        break;
                }

                Assert.Equal(model.Count, log.Tail);
            }

            CheckRead(log, model, new Read(0, int.MaxValue, int.MaxValue, 7));
        }
        finally
        {
            await log.DisposeAsync();
        }
    }

    private static void CheckRead(SegmentedLog log, List<Payload> model, Read read)
    {
        var start = Math.Max(read.Start, log.First);
        var end = Math.Min((long)read.Start + read.Length, model.Count);
        var wanted = model.Select((payload, position) => (Payload: payload, Position: (long)position))
            .Where(entry => entry.Position >= start && entry.Position < end && read.PayloadKinds.Has(entry.Payload.PayloadCase)).ToList();

        var page = log.Read(read.Start, (long)read.Start + read.Length, read.Max, read.PayloadKinds);

        Assert.Equal(wanted.Take(read.Max), page.Entries.Select(entry => (entry.Payload, entry.Header.LogPosition)));
        Assert.Equal(wanted.Count <= read.Max, page.Complete);
        Assert.Equal(page.Complete ? Math.Max(start, end) : wanted[read.Max - 1].Position + 1, page.Next);
    }

    private abstract record Step;

    private sealed record Append(string Text, int Kind) : Step
    {
        public Payload Payload => Kind switch { 0 => Entries.Input(Text), 1 => Entries.Intention(Text), _ => Entries.Output(Text) };
    }

    private sealed record AppendTogether(string Text, int Count) : Step;

    private sealed record Read(int Start, int Length, int Max, int Kinds) : Step
    {
        // Three kinds are written; each bit is one of them, and 8 stands for all that there are.
        public PayloadKinds PayloadKinds => Kinds == 8 ? PayloadKinds.All : PayloadKinds.Of(
            [.. new[] { Payload.PayloadOneofCase.AgentInput, Payload.PayloadOneofCase.Intention, Payload.PayloadOneofCase.AgentOutput }.Where((_, i) => (Kinds & (1 << i)) != 0)]);
    }

    private sealed record Reopen : Step;

    private sealed record Drop(int Bytes) : Step;

    /// <summary>A write that was cut short: records that nobody was told of, whole but for the last, or with a page missing.</summary>
    private sealed record Crash(int Bytes, int Damage) : Step
    {
        public void LeaveATornWrite(string folder, int tail)
        {
            var torn = new MemoryStream();
            for (var position = tail; torn.Length < Bytes; position++)
            {
                var payload = Entries.Input($"never acknowledged {position}");
                var record = new byte[RecordFormat.HeaderSize + payload.CalculateSize()];
                RecordFormat.Write(record, payload, position, tail, timestamp: 0);
                torn.Write(record);
            }

            var bytes = torn.ToArray().AsSpan(..Bytes);
            if (Damage == 0)
            {
                bytes.Clear(); // the length was on the disk before the content
            }
            else
            {
                bytes[0] ^= (byte)Damage; // the beginning is lost, and what follows is there
            }

            using var file = new FileStream(Directory.EnumerateFiles(folder).Max(StringComparer.Ordinal)!, FileMode.Append);
            file.Write(bytes);
        }
    }
}
