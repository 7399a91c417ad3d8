using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace AgentKernel.AgentGateway.Tests.Peers;

/// <summary>Keeps what is logged, and lets a test wait for it.</summary>
public sealed class LogSink : ILoggerProvider
{
    private readonly ConcurrentQueue<string> _lines = [];
    private readonly Lock _gate = new();
    private readonly List<(string Text, int Count, TaskCompletionSource Done)> _waiting = [];

    public string All => string.Join('\n', _lines);

    /// <summary>Waits until the text was logged so many times.</summary>
    public Task SeenAsync(string text, int count = 1)
    {
        lock (_gate)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((text, count, done));
            Check();
            return Wait.ForAsync(done.Task, $"'{text}' in the log, {count} times", () => All);
        }
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private void Add(string line)
    {
        lock (_gate)
        {
            _lines.Enqueue(line);
            Check();
        }
    }

    private void Check() => _waiting.RemoveAll(one =>
        _lines.Count(line => line.Contains(one.Text, StringComparison.Ordinal)) >= one.Count && one.Done.TrySetResult());

    private sealed class Logger(LogSink sink, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            sink.Add($"scope {state}");
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            sink.Add($"{logLevel} {category}: {formatter(state, exception)} {exception}");
    }
}
