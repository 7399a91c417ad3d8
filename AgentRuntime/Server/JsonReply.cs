using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using AgentKernel.AgentRuntime.Providers;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.AgentRuntime.Server;

/// <summary>Answers that are one JSON object. Written by hand: a handful of flat shapes needs no serializer loaded.</summary>
internal static class JsonReply
{
    // The readers are JSON parsers, never HTML pages, so only what JSON wants escaped is escaped.
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task WriteAsync(HttpContext context, int status, Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, WriterOptions))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = buffer.WrittenCount;
        await context.Response.Body.WriteAsync(buffer.WrittenMemory, context.RequestAborted);
    }

    public static void WriteUsage(Utf8JsonWriter json, TokenUsage usage)
    {
        json.WriteNumber("input_tokens", usage.Input);
        json.WriteNumber("output_tokens", usage.Output);
        json.WriteNumber("cache_read_input_tokens", usage.CacheRead);
        json.WriteNumber("cache_creation_input_tokens", usage.CacheWrite);
    }
}
