using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace AgentKernel.Spawner.Tests;

/// <summary>Keeps what is logged, and hands it to whoever waits for a line.</summary>
internal sealed class RecordedLog : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly SemaphoreSlim _news = new(0);

    public IReadOnlyCollection<string> Lines => _lines;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        _lines.Enqueue($"{logLevel}: {formatter(state, exception)}");
        _news.Release();
    }

    public async Task<string> LineAsync(string part)
    {
        while (true)
        {
            if (_lines.FirstOrDefault(line => line.Contains(part, StringComparison.Ordinal)) is { } found)
            {
                return found;
            }

            await Waiting.ForAsync(_news.WaitAsync(TestContext.Current.CancellationToken), $"a line with '{part}'", () => string.Join('\n', _lines));
        }
    }

    public void Dispose() => _news.Dispose();
}
