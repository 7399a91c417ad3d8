namespace AgentKernel.AgentRuntime.Conversation;

/// <summary>
/// Lets one turn in at a time. One that is already being cancelled is waited for, so that a caller who hung
/// up and asks again is not told that the agent is busy with his own last question.
/// </summary>
internal sealed class TurnGate
{
    // A caller's hanging up and his next request come on two connections, whose order is not kept.
    private static readonly TimeSpan s_noticeTime = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_unwindTime = TimeSpan.FromSeconds(5);

    private readonly Lock _changing = new();
    private TurnPass.Stay? _current;

    /// <param name="gone">Is cancelled when the one who enters is to leave.</param>
    /// <returns>To be disposed at the turn's end; null when another turn is running.</returns>
    public async Task<TurnPass?> TryEnterAsync(CancellationToken gone)
    {
        while (true)
        {
            TurnPass.Stay? other;
            lock (_changing)
            {
                other = _current;
                if (other is null)
                    return Enter(gone);
            }
            if (!await HasCancelledAsync(other) || !await EndsAsync(other.Ended, s_unwindTime))
                return null;
        }
    }

    /// <summary>Enters if no turn is running at this moment.</summary>
    public TurnPass? TryEnterNow()
    {
        lock (_changing)
            return _current is null ? Enter(CancellationToken.None) : null;
    }

    private TurnPass Enter(CancellationToken gone)
    {
        _current = new TurnPass.Stay(gone);
        return new TurnPass(_current, Leave);
    }

    private void Leave(TurnPass.Stay stay)
    {
        lock (_changing)
        {
            if (_current == stay)
                _current = null;
        }
    }

    private static async Task<bool> HasCancelledAsync(TurnPass.Stay other)
    {
        if (other.Gone.IsCancellationRequested || other.Ended.IsCompleted)
            return true;
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (other.Gone.Register(cancelled.SetResult))
            await EndsAsync(Task.WhenAny(cancelled.Task, other.Ended), s_noticeTime);
        return other.Gone.IsCancellationRequested || other.Ended.IsCompleted;
    }

    private static async Task<bool> EndsAsync(Task task, TimeSpan limit)
    {
        await Task.WhenAny(task, Task.Delay(limit));
        return task.IsCompleted;
    }
}

/// <summary>The right to change the conversation, until it is disposed.</summary>
internal sealed class TurnPass(TurnPass.Stay stay, Action<TurnPass.Stay> leave) : IDisposable
{
    /// <summary>Is cancelled when the holder is to leave.</summary>
    public CancellationToken Gone => stay.Gone;

    public void Dispose()
    {
        leave(stay);
        stay.SetEnded();
    }

    /// <summary>What the others know of the one who is in.</summary>
    internal sealed class Stay(CancellationToken gone)
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CancellationToken Gone => gone;

        public Task Ended => _ended.Task;

        public void SetEnded() => _ended.TrySetResult();
    }
}
