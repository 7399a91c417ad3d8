namespace AgentKernel.AgentRuntime.Conversation;

/// <param name="Role"><c>user</c>, <c>assistant</c> or <c>tool</c>.</param>
internal sealed record TranscriptEntry(string Role, string Content, DateTimeOffset Time);

/// <summary>The conversation as text, for readers; it may be read while a turn adds to it.</summary>
internal sealed class Transcript(TimeProvider clock)
{
    private readonly Lock _using = new();
    private readonly List<TranscriptEntry> _entries = [];

    public int Mark
    {
        get
        {
            lock (_using)
                return _entries.Count;
        }
    }

    /// <param name="time">When it was said; null: now.</param>
    public void Add(string role, string content, DateTimeOffset? time = null)
    {
        lock (_using)
            _entries.Add(new TranscriptEntry(role, content, time ?? clock.GetUtcNow()));
    }

    public void RollBack(int mark)
    {
        lock (_using)
            _entries.RemoveRange(mark, _entries.Count - mark);
    }

    public IReadOnlyList<TranscriptEntry> Last(int? count)
    {
        lock (_using)
            return count < _entries.Count ? _entries[^count.Value..] : [.. _entries];
    }
}
