using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using AgentKernel.AgentRuntime.Conversation;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.AgentRuntime.Server;

/// <summary>Writes a turn as server-sent events, each flushed by itself.</summary>
internal sealed class EventStream : IDisposable
{
    // An event is put together here and handed over whole, so that a half-written one is never seen.
    private readonly ArrayBufferWriter<byte> _event = new();
    private readonly PipeWriter _output;
    private readonly CancellationToken _gone;
    private readonly Utf8JsonWriter _json;

    /// <summary>Answers the request with 200: from here on a failure is an event.</summary>
    public EventStream(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
        _output = context.Response.BodyWriter;
        _gone = context.RequestAborted;
        _json = new Utf8JsonWriter(_event, JsonReply.WriterOptions);
    }

    /// <exception cref="OperationCanceledException">The caller has gone.</exception>
    public async ValueTask WriteAsync(TurnEvent turnEvent)
    {
        _gone.ThrowIfCancellationRequested();
        _event.ResetWrittenCount();
        _event.Write("data: "u8);
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteString("body", turnEvent is TurnText text ? text.Text : "");
        _json.WriteBoolean("done", turnEvent is TurnDone);
        if (turnEvent is TurnError error)
            _json.WriteString("error", error.Message);
        else
            WriteBeside(turnEvent);
        _json.WriteEndObject();
        _json.Flush();
        _event.Write("\n\n"u8);
        await _output.WriteAsync(_event.WrittenMemory, _gone);
        _gone.ThrowIfCancellationRequested();
    }

    public void Dispose() => _json.Dispose();

    // What is reported beside the answer's text; readers that want text alone see an empty piece.
    private void WriteBeside(TurnEvent turnEvent)
    {
        if (turnEvent is TurnText or TurnDone)
            return;
        _json.WriteStartObject("event");
        switch (turnEvent)
        {
            case TurnThinking thinking:
                _json.WriteString("type", "thinking");
                _json.WriteString("text", thinking.Text);
                break;
            case TurnToolCall call:
                _json.WriteString("type", "tool_call");
                _json.WriteString("id", call.Id);
                _json.WriteString("name", call.Name);
                WriteInput(call.InputJson);
                break;
            case TurnToolResult result:
                _json.WriteString("type", "tool_result");
                _json.WriteString("id", result.Id);
                _json.WriteString("name", result.Name);
                _json.WriteString("output", result.Output);
                _json.WriteBoolean("is_error", result.IsError);
                break;
            case TurnUsage usage:
                _json.WriteString("type", "usage");
                JsonReply.WriteUsage(_json, usage.Usage);
                break;
        }
        _json.WriteEndObject();
    }

    private void WriteInput(string inputJson)
    {
        _json.WritePropertyName("input");
        try
        {
            using var input = JsonDocument.Parse(inputJson);
            input.RootElement.WriteTo(_json);
        }
        catch (JsonException)
        {
            // Cut off at the model's output limit: shown as the text that it is.
            _json.WriteStringValue(inputJson);
        }
    }
}
