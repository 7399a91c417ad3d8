using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace AgentKernel.AgentRuntime.Telemetry;

/// <summary>What was said, in the JSON that the conventions give for it: messages of parts.</summary>
internal static class MessageContent
{
    public static string Instructions(string text) => Write(json => WritePart(json, text));

    public static string Message(string role, string text) => Write(json =>
    {
        json.WriteStartObject();
        json.WriteString("role", role);
        json.WriteStartArray("parts");
        WritePart(json, text);
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static void WritePart(Utf8JsonWriter json, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", "text");
        json.WriteString("content", text);
        json.WriteEndObject();
    }

    private static string Write(Action<Utf8JsonWriter> item)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartArray();
            item(json);
            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
