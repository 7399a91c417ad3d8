namespace AgentKernel.AgentBus.Tests.Log;

/// <summary>One call on a log.</summary>
/// <param name="Began">When it began, by a clock that ticks with every event.</param>
/// <param name="Ended">When it had returned.</param>
/// <param name="Length">How long the log was after it: for an append its position and one, for a read what it saw.</param>
/// <param name="Position">Where it appended; null for a read.</param>
/// <param name="Text">What it appended.</param>
internal sealed record Operation(long Began, long Ended, long Length, long? Position, string? Text);

/// <summary>
/// Whether calls could have happened one at a time, each between its beginning and its end. A log makes that easy to say:
/// every call tells the length that it left behind, so their order is known but for reads among themselves.
/// </summary>
internal static class Linearizability
{
    public static void Check(IReadOnlyList<Operation> operations, IReadOnlyList<string> log)
    {
        var appends = operations.Where(operation => operation.Position is not null).OrderBy(operation => operation.Position).ToList();
        Assert.Equal(Enumerable.Range(0, appends.Count).Select(i => (long)i), appends.Select(append => append.Position!.Value)); // each place once, none left out
        Assert.Equal(appends.Select(append => append.Text), log);

        // In the order that the lengths give, appends before the reads that saw them, each call must be able to happen at or
        // after the latest beginning so far, and before its own end.
        var latest = 0L;
        foreach (var operation in operations.OrderBy(operation => operation.Length).ThenBy(operation => operation.Position is null).ThenBy(operation => operation.Began))
        {
            latest = Math.Max(latest, operation.Began);
            Assert.True(latest < operation.Ended, $"{operation} saw a log of {operation.Length} entries, although a call that left a longer or the same one behind began after it had ended");
        }
    }
}
