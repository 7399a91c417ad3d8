using System.Text.Json.Nodes;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace AgentKernel.Cli.Commands.Bus;

/// <summary>Entries as JSON: proto3 JSON with the names of the .proto. What is packed in an Any that is not known here stays as its bytes.</summary>
internal static class EntryJson
{
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true).WithTypeRegistry(TypeRegistry.FromFiles(VotersReflection.Descriptor)));

    public static JsonNode Of(BusEntry entry)
    {
        try
        {
            return JsonNode.Parse(Formatter.Format(entry))!; // a message is an object
        }
        catch (InvalidOperationException)
        {
            return new JsonObject
            {
                ["header"] = JsonNode.Parse(Formatter.Format(entry.Header)),
                ["payload_base64"] = entry.Payload.ToByteString().ToBase64(),
            };
        }
    }
}
