using System.Buffers;
using System.Text.Json;

namespace AgentKernel.AgentGateway.Turns;

/// <summary>
/// Finds the ends of server-sent events in bytes as they come, and looks at as little as that needs: line ends by
/// vectorised search, and whether a line is data. Lines end with LF, CR LF or CR.
/// </summary>
/// <remarks>Source: "Parsing an event stream" of the HTML standard.</remarks>
internal sealed class EventScanner
{
    private int _lineStart;
    private int _searched;
    private int _dataStart;
    private int _dataLength = -1;
    private bool _afterCr;
    private bool _crLf;
    private ArrayBufferWriter<byte>? _joined;

    /// <summary>Where the last event ended: the offset after its blank line.</summary>
    public int EventEnd { get; private set; }

    /// <summary>Whether the event has data. One without is a comment or a field alone, and no event to its reader.</summary>
    public bool HasData { get; private set; }

    /// <summary>The data of the event that <see cref="TryNext"/> has found, in the same buffer.</summary>
    public ReadOnlySpan<byte> Data(ReadOnlySpan<byte> buffer) =>
        _joined is { WrittenCount: > 0 } joined ? joined.WrittenSpan : buffer.Slice(_dataStart, Math.Max(_dataLength, 0));

    /// <summary>Goes on to the end of the next event; false when it is not in the buffer yet.</summary>
    public bool TryNext(ReadOnlySpan<byte> buffer)
    {
        if (EventEnd == _lineStart)
        {
            _dataLength = -1;
            _joined?.ResetWrittenCount();
        }

        while (buffer[_searched..].IndexOfAny((byte)'\n', (byte)'\r') is var found and >= 0)
        {
            var end = _searched + found;
            var line = buffer[_lineStart..end];
            var isCr = buffer[end] == '\r';
            var start = _lineStart;
            if (_afterCr && line.IsEmpty && !isCr)
            {
                // The LF of a CR LF whose CR ended the line before.
                (_afterCr, _crLf) = (false, true);
                _lineStart = _searched = end + 1;
                EventEnd = EventEnd == start ? _lineStart : EventEnd;
            }
            else if (!line.IsEmpty)
            {
                (_afterCr, _crLf) = (isCr, false);
                _lineStart = _searched = end + 1;
                AddLine(buffer, start, line);
            }
            else
            {
                // Where lines end with CR LF, a CR is not the end yet: readers that look for both would miss the event.
                if (isCr && _crLf && end + 1 == buffer.Length)
                {
                    _searched = end;
                    return false;
                }

                var withLf = isCr && end + 1 < buffer.Length && buffer[end + 1] == '\n';
                (_afterCr, _crLf) = (isCr && !withLf, withLf);
                EventEnd = _lineStart = _searched = end + (withLf ? 2 : 1);
                HasData = _dataLength >= 0;
                return true;
            }
        }

        _searched = buffer.Length;
        return false;
    }

    /// <summary>The buffer's first bytes were taken away.</summary>
    public void Shift(int count)
    {
        _lineStart -= count;
        _searched -= count;
        _dataStart -= count;
        EventEnd -= count;
    }

    /// <summary>Whether the data is a JSON object with <c>"done": true</c>. Parses only what could be.</summary>
    public static bool IsDone(ReadOnlySpan<byte> data)
    {
        if (data.IndexOf("true"u8) < 0 || data.IndexOf("done"u8) < 0)
        {
            return false;
        }

        try
        {
            var json = new Utf8JsonReader(data);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            var done = false;
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var isDone = json.ValueTextEquals("done"u8);
                json.Read();
                done = isDone ? json.TokenType == JsonTokenType.True : done;
                json.Skip();
            }

            return done;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // no JSON, or a name that is no text
        {
            return false;
        }
    }

    private void AddLine(ReadOnlySpan<byte> buffer, int start, ReadOnlySpan<byte> line)
    {
        if (!line.StartsWith("data"u8) || (line.Length > 4 && line[4] != ':'))
        {
            return;
        }

        var skip = line.Length == 4 ? 4 : line.Length > 5 && line[5] == ' ' ? 6 : 5;
        if (_dataLength >= 0)
        {
            // Data on more than one line, which no agent we know sends.
            _joined ??= new();
            if (_joined.WrittenCount == 0)
            {
                _joined.Write(buffer.Slice(_dataStart, _dataLength));
            }

            _joined.Write("\n"u8);
            _joined.Write(line[skip..]);
        }

        (_dataStart, _dataLength) = (start + skip, line.Length - skip);
    }
}
