using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using AgentKernel.AgentBus.Log;
using AgentKernel.AgentBus.Log.Durable;
using AgentKernel.Contracts.Bus;

namespace AgentKernel.Benchmarks;

/// <summary>The bus's logs in this process: durable beside SQLite and beside bare writes, and in memory.</summary>
internal static class BusLogBenchmark
{
    /// <summary>How long each round measures.</summary>
    public static readonly TimeSpan Round = TimeSpan.FromSeconds(3);

    private const int Writers = 64;
    private const int Rounds = 3;

    // As an entry of 256 bytes: a short tool call.
    public static readonly string Text = new('x', 210);

    private const string SqliteInserts = """
        import sqlite3, sys, time
        db = sqlite3.connect(sys.argv[1], isolation_level=None)
        db.execute("pragma journal_mode=wal"); db.execute("pragma synchronous=full")
        db.execute("create table log (position integer primary key, entry blob)")
        entry, count, end = b"x" * 216, 0, time.monotonic() + float(sys.argv[2])
        begin = time.monotonic()
        while time.monotonic() < end:
            db.execute("insert into log (entry) values (?)", (entry,)); count += 1
        print(count / (time.monotonic() - begin))
        """;

    public static async Task<JsonObject> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("agentkernel-bench-").FullName;
        try
        {
            var (durable, sqlite, single, bare, memory, memoryMany) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
            for (var round = 0; round <= Rounds; round++)
            {
                await using (var log = SegmentedLog.Open(Path.Combine(folder, $"many{round}"), 64 << 20, TimeProvider.System))
                {
                    Note(durable, round, await AppendsAsync(log, Writers));
                }

                Note(sqlite, round, await SqliteAsync(Path.Combine(folder, $"{round}.db")));
                await using (var log = SegmentedLog.Open(Path.Combine(folder, $"one{round}"), 64 << 20, TimeProvider.System))
                {
                    Note(single, round, await MedianMicrosecondsAsync(log));
                }

                Note(bare, round, BareMicroseconds(Path.Combine(folder, $"bare{round}")));
                await using (var log = new MemoryLog(TimeProvider.System))
                {
                    Note(memory, round, await AppendsAsync(log, 1));
                }

                await using (var log = new MemoryLog(TimeProvider.System))
                {
                    Note(memoryMany, round, await AppendsAsync(log, Writers));
                }
            }

            return new()
            {
                ["durable_64_writers_per_second"] = Middle(durable),
                ["sqlite_wal_full_per_second"] = Middle(sqlite),
                ["durable_over_sqlite"] = Sample.Rounded(Middle(durable) / Middle(sqlite)),
                ["one_writer_median_us"] = Middle(single),
                ["write_and_fdatasync_median_us"] = Middle(bare),
                ["one_writer_over_bare"] = Sample.Rounded(Middle(single) / Middle(bare)),
                ["memory_one_writer_per_second"] = Middle(memory),
                ["memory_64_writers_per_second"] = Middle(memoryMany),
            };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static double Middle(List<double> rounds) => Math.Round(new Sample(rounds).Median, 1);

    // The first round is for the compiler.
    public static void Note(List<double> rounds, int round, double value)
    {
        if (round > 0)
        {
            rounds.Add(value);
        }
    }

    private static async Task<double> AppendsAsync(IBusLog log, int writers)
    {
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(async () =>
        {
            while (clock.Elapsed < Round)
            {
                await log.AppendAsync(Entry(), CancellationToken.None);
            }
        })));
        return log.Tail / clock.Elapsed.TotalSeconds;
    }

    private static async Task<double> MedianMicrosecondsAsync(SegmentedLog log)
    {
        var took = new List<double>();
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Round;)
        {
            var began = Stopwatch.GetTimestamp();
            await log.AppendAsync(Entry(), CancellationToken.None);
            took.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
        }

        return new Sample(took).Median;
    }

    private static double BareMicroseconds(string path)
    {
        var record = new byte[RecordFormat.HeaderSize + Entry().CalculateSize()];
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite);
        var took = new List<double>();
        var offset = 0L;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Round; offset += record.Length)
        {
            var began = Stopwatch.GetTimestamp();
            RandomAccess.Write(file, record, offset);
            DiskSync.Data(file);
            took.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
        }

        return new Sample(took).Median;
    }

    private static async Task<double> SqliteAsync(string path)
    {
        using var python = Process.Start(new ProcessStartInfo("python3", ["-c", SqliteInserts, path, Round.TotalSeconds.ToString(CultureInfo.InvariantCulture)]) { UseShellExecute = false, RedirectStandardOutput = true })!; // null only for shell execution
        var output = await python.StandardOutput.ReadToEndAsync();
        await python.WaitForExitAsync();
        return double.Parse(output, CultureInfo.InvariantCulture);
    }

    private static Payload Entry() => new() { AgentInput = new() { StringAgentInput = Text } };
}
