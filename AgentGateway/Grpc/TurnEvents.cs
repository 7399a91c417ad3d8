using System.Text.Json;
using AgentKernel.AgentGateway.Turns;
using AgentKernel.Contracts.V1;
using AgentKernel.Rpc;
using AgentKernel.Rpc.Connect;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentGateway.Grpc;

/// <summary>An agent's events as messages.</summary>
internal static class TurnEvents
{
    /// <summary>Reads a block of whole events. False: one of them is not a JSON object; those before it are read.</summary>
    public static bool TryRead(ReadOnlySpan<byte> events, Queue<TurnResponse> responses)
    {
        var scanner = new EventScanner();
        while (scanner.TryNext(events))
        {
            if (!scanner.HasData)
            {
                continue;
            }

            if (ToResponse(scanner.Data(events)) is not { } response)
            {
                return false;
            }

            responses.Enqueue(response);
        }

        return true;
    }

    /// <summary>The failure of a turn that the gateway ended; programs find its status code in the event.</summary>
    public static TurnResponse OfFailure(RpcException failure) => new()
    {
        Error = failure.Message,
        Event = new() { Fields = { ["type"] = Value.ForString("error"), ["code"] = Value.ForString(ConnectStatus.NameOf(failure.Code)) } },
    };

    private static TurnResponse? ToResponse(ReadOnlySpan<byte> data)
    {
        var response = new TurnResponse();
        try
        {
            var json = new Utf8JsonReader(data);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            {
                return null;
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var (isBody, isDone, isError, isEvent) = (json.ValueTextEquals("body"u8), json.ValueTextEquals("done"u8), json.ValueTextEquals("error"u8), json.ValueTextEquals("event"u8));
                json.Read();
                switch (json.TokenType)
                {
                    case JsonTokenType.String when isBody:
                        response.Body = json.GetString();
                        break;
                    case JsonTokenType.String when isError:
                        response.Error = json.GetString();
                        break;
                    case JsonTokenType.True or JsonTokenType.False when isDone:
                        response.Done = json.GetBoolean();
                        break;
                    case JsonTokenType.Null when isBody || isError || isDone:
                        break;
                    case JsonTokenType.StartObject when isEvent:
                        using (var happened = JsonDocument.ParseValue(ref json))
                        {
                            response.Event = AgentJson.ToStruct(happened.RootElement);
                        }

                        break;
                    default:
                        json.Skip();
                        break;
                }
            }

            return response;
        }
        // InvalidOperationException: a string that is no text.
        catch (Exception e) when (e is JsonException or InvalidOperationException or RpcException)
        {
            return null;
        }
    }
}
