// An agent for load: HTTP by hand on its unix socket, a thread a connection, no token asked for. The body of a turn is
// "EVENTS PACE": how many events to send, and how many milliseconds apart.
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

using var config = JsonDocument.Parse(File.ReadAllBytes(args[^1]));
var id = config.RootElement.GetProperty("agent_id").GetString();
using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
listener.Bind(new UnixDomainSocketEndPoint(config.RootElement.GetProperty("unix_socket").GetString()!));
listener.Listen();
while (true)
{
    var connection = listener.Accept();
    new Thread(() => Serve(connection, id!)) { IsBackground = true }.Start();
}

static void Serve(Socket connection, string id)
{
    using (connection)
    {
        var buffer = new byte[16 * 1024];
        var length = 0;
        while (Receive(connection, buffer, ref length) is { } request)
        {
            if (request.Path == "/health")
            {
                var body = $$"""{"status":"ok","agent_id":"{{id}}"}""";
                connection.Send(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
                continue;
            }

            if (!Stream(connection, request.Body))
            {
                return;
            }
        }
    }
}

static bool Stream(Socket connection, string body)
{
    using var envelope = JsonDocument.Parse(body);
    var words = envelope.RootElement.GetProperty("body").GetString()!.Split(' ');
    var (events, pace) = (int.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture));
    try
    {
        connection.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"u8);
        var start = Stopwatch.GetTimestamp();
        for (var number = 0; number < events; number++)
        {
            var early = number * pace - (int)Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (early > 0)
            {
                Thread.Sleep(early);
            }

            Send(connection, $$"""{"body":"word{{number}} ","done":false}""");
        }

        Send(connection, """{"body":"","done":true}""");
        connection.Send("0\r\n\r\n"u8);
        return true;
    }
    catch (SocketException)
    {
        return false; // the caller is gone, and the turn with it
    }
}

static void Send(Socket connection, string data)
{
    var text = $"data: {data}\n\n";
    connection.Send(Encoding.ASCII.GetBytes($"{text.Length:x}\r\n{text}\r\n"));
}

// The next request on the connection; null when it is closed. Bytes after it stay in the buffer.
static (string Path, string Body)? Receive(Socket connection, byte[] buffer, ref int length)
{
    while (true)
    {
        var head = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
        if (head >= 0)
        {
            var lines = Encoding.ASCII.GetString(buffer, 0, head).Split("\r\n");
            var size = lines.Where(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)).Select(line => int.Parse(line[15..], CultureInfo.InvariantCulture)).FirstOrDefault();
            var end = head + 4 + size;
            if (length >= end)
            {
                var body = Encoding.UTF8.GetString(buffer, head + 4, size);
                buffer.AsSpan(end, length - end).CopyTo(buffer);
                length -= end;
                return (lines[0].Split(' ')[1], body);
            }
        }

        var read = connection.Receive(buffer.AsSpan(length));
        if (read == 0)
        {
            return null;
        }

        length += read;
    }
}
