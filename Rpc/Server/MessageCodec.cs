using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Rpc.Server;

/// <summary>
/// Reads and writes one message type, as protobuf and as proto3 JSON. What cannot be read is InvalidArgument in
/// every protocol, since it is the caller who can mend it (gRPC's own libraries say Internal). JSON is strict: an
/// unknown field is refused by name, so that a typo is never silent.
/// </summary>
/// <remarks>
/// A <c>google.protobuf.Any</c> in JSON needs its type known here: the well-known types are, and all types that the
/// message's own .proto file holds or imports. In a request any other is refused. In a response it is Unimplemented,
/// with a message that says the call was done, and the caller can ask in protobuf; writing it in some other form
/// would be read as something else by those who know the type.
/// </remarks>
internal sealed class MessageCodec<T>(MessageParser<T> parser)
    where T : class, IMessage<T>
{
    private const int MaxJsonDepth = 64;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly MessageDescriptor _type = parser.ParseFrom(ReadOnlySequence<byte>.Empty).Descriptor;
    private readonly Lazy<(JsonParser Parser, JsonFormatter Formatter)> _json = new(() => CreateJson(parser));

    public T ReadProto(ReadOnlySequence<byte> bytes)
    {
        try
        {
            var message = parser.ParseFrom(bytes);
            Utf8Fields.Verify(_type, bytes);
            return message;
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Malformed("protobuf", e);
        }
    }

    public T ReadJson(ReadOnlySequence<byte> bytes)
    {
        CheckJson(bytes);
        using var text = new StreamReader(PipeReader.Create(bytes).AsStream(), StrictUtf8, detectEncodingFromByteOrderMarks: false);
        try
        {
            return (T)_json.Value.Parser.Parse(text, _type);
        }
        catch (DecoderFallbackException e)
        {
            throw new RpcException(RpcStatusCode.InvalidArgument, "the request is not valid UTF-8", e);
        }
        // InvalidOperationException is how the parser says that an Any's type is not known.
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException or InvalidOperationException or FormatException or OverflowException)
        {
            throw Malformed("JSON", e);
        }
    }

    public string WriteJson(T message)
    {
        try
        {
            return _json.Value.Formatter.Format(message);
        }
        catch (InvalidOperationException e)
        {
            throw new RpcException(RpcStatusCode.Unimplemented,
                $"the call was done, but its response has no JSON form here ({e.Message}); ask with application/proto or gRPC", e);
        }
    }

    /// <summary>
    /// Google.Protobuf counts the depth of objects but not of arrays: without this a few KiB of brackets overflow
    /// the stack and end the process.
    /// </summary>
    private void CheckJson(ReadOnlySequence<byte> bytes)
    {
        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = MaxJsonDepth });
            while (reader.Read())
            {
                // Reading is checking.
            }
        }
        catch (JsonException e)
        {
            throw Malformed("JSON", e);
        }
    }

    private RpcException Malformed(string form, Exception e) =>
        new(RpcStatusCode.InvalidArgument, $"the request is not a {_type.FullName} in {form}: {e.Message}", e);

    private static (JsonParser Parser, JsonFormatter Formatter) CreateJson(MessageParser<T> parser)
    {
        var types = TypeRegistry.FromFiles(
            parser.ParseFrom(ReadOnlySequence<byte>.Empty).Descriptor.File, StructReflection.Descriptor, WrappersReflection.Descriptor, TimestampReflection.Descriptor,
            DurationReflection.Descriptor, FieldMaskReflection.Descriptor, EmptyReflection.Descriptor, AnyReflection.Descriptor);
        return (new JsonParser(JsonParser.Settings.Default.WithTypeRegistry(types)),
            new JsonFormatter(JsonFormatter.Settings.Default.WithTypeRegistry(types)));
    }
}
