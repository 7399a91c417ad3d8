using System.Buffers;
using System.Runtime.CompilerServices;
using AgentKernel.AgentGateway.Agents;
using AgentKernel.AgentGateway.Telemetry;

namespace AgentKernel.AgentGateway.Turns;

/// <summary>
/// The agent's answer to a turn, in blocks of whole events as they come: what is read at once is handed on at once, but
/// never a part of an event, so that a reader never sees one that was torn. Disposing it closes what is open to the
/// agent and ends the turn; so does stopping the turn, at once, whatever the reader is doing with the last block.
/// </summary>
internal sealed class AgentEventStream : IAsyncDisposable
{
    private const int FirstBufferSize = 8 * 1024;

    // Who has the response. It is let go of only by one that took it from idle, so never under a read.
    private const int Idle = 0;
    private const int Reading = 1;
    private const int LetGo = 2;

    private readonly RunningTurns _turns;
    private readonly RunningTurn _turn;
    private readonly TimeProvider _time;
    private readonly HttpResponseMessage _response;
    private readonly Stream _stream;
    private readonly CancellationTokenRegistration _callerGone;
    private readonly CancellationTokenRegistration _stopped;
    private readonly int _maxEventBytes;
    private readonly EventScanner _scanner = new();
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBufferSize);
    private int _start;
    private int _end;
    private int _use = Idle;
    private int _found;
    private bool _answered;
    private bool _disposed;

    public AgentEventStream(
        RunningTurns turns, RunningTurn turn, TimeProvider time, HttpResponseMessage response, Stream stream, CancellationTokenRegistration callerGone, int maxEventBytes)
    {
        (_turns, _turn, _time, _response, _stream, _callerGone, _maxEventBytes) = (turns, turn, time, response, stream, callerGone, maxEventBytes);
        _stopped = turn.Stopped.UnsafeRegister(static stream => ((AgentEventStream)stream!).LetGoIfIdle(), this);
    }

    public RunningTurn Turn => _turn;

    /// <summary>Waits for the next block; it is valid until the next call. Empty: the turn has ended, and its <see cref="RunningTurn.Ending"/> says how.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync()
    {
        while (_turn.Ending == TurnEnding.None)
        {
            if (!MakeRoom())
            {
                _turn.End(TurnEnding.BadEvent);
                break;
            }

            var read = await ReadAsync(_buffer.AsMemory(_end));
            if (read == 0)
            {
                _turn.End(TurnEnding.BrokenOff);
                break;
            }

            _end += read;
            if (FindEvents())
            {
                if (!_answered)
                {
                    _answered = true;
                    GatewayTelemetry.FirstEventAfter(_time.GetElapsedTime(_turn.StartedAt));
                }

                var block = _buffer.AsMemory(_start, _scanner.EventEnd - _start);
                _start = _scanner.EventEnd;
                GatewayTelemetry.Block(_found, block.Length);
                return block;
            }
        }

        return default;
    }

    /// <summary>Lets the agent close its stream after its last event, and ends the turn.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (_turn.Ending == TurnEnding.Done)
        {
            // Until the end of the stream the connection cannot be used for the next turn. Nothing counts any more.
            while (await ReadAsync(_buffer) > 0)
            {
            }
        }

        _turn.Stop(TurnEnding.CallerGone); // where nothing else has ended it, its reader has let go
        await _callerGone.DisposeAsync();
        await _stopped.DisposeAsync();
        LetGoIfIdle();
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    /// <summary>0: the stream has ended or is broken, or the turn was stopped.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        if (Interlocked.CompareExchange(ref _use, Reading, Idle) != Idle)
        {
            return 0;
        }

        try
        {
            return await _stream.ReadAsync(buffer, _turn.Stopped);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
        {
            return 0;
        }
        finally
        {
            Volatile.Write(ref _use, Idle);
            if (_turn.Stopped.IsCancellationRequested)
            {
                LetGoIfIdle(); // it was being read when the turn was stopped
            }
        }
    }

    private void LetGoIfIdle()
    {
        if (Interlocked.CompareExchange(ref _use, LetGo, Idle) == Idle)
        {
            _response.Dispose();
            _turns.Release(_turn);
        }
    }

    private bool FindEvents()
    {
        var complete = false;
        _found = 0;
        while (_scanner.TryNext(_buffer.AsSpan(0, _end)))
        {
            complete = true;
            if (!_scanner.HasData)
            {
                continue;
            }

            _found++;
            _turn.LastEvent = _time.GetTimestamp();
            if (EventScanner.IsDone(_scanner.Data(_buffer)))
            {
                _turn.End(TurnEnding.Done);
                break;
            }
        }

        return complete;
    }

    // What has been handed on goes; an event that is larger than the buffer gets a larger one.
    private bool MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _scanner.Shift(_start);
            (_start, _end) = (0, _end - _start);
        }

        if (_end < _buffer.Length)
        {
            return true;
        }

        if (_buffer.Length >= _maxEventBytes)
        {
            return false;
        }

        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
        return true;
    }
}
