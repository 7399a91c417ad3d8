using System.Buffers;
using System.Text.Unicode;
using Google.Protobuf.Reflection;

namespace AgentKernel.Rpc.Server;

/// <summary>
/// Looks for string fields that are not UTF-8. Google.Protobuf puts U+FFFD in their place without a word, so two
/// different requests would become the same; proto3 wants them refused.
/// </summary>
internal static class Utf8Fields
{
    /// <summary>Walks the fields of a message that has been parsed already, so is known to be well-formed.</summary>
    /// <exception cref="RpcException">InvalidArgument, naming the field.</exception>
    public static void Verify(MessageDescriptor type, ReadOnlySequence<byte> message)
    {
        var reader = new SequenceReader<byte>(message);
        var groups = 0;
        while (!reader.End)
        {
            var tag = ReadVarint(ref reader);
            switch (tag & 7)
            {
                case 0:
                    ReadVarint(ref reader);
                    break;
                case 1:
                    reader.Advance(8);
                    break;
                case 5:
                    reader.Advance(4);
                    break;
                // Groups are not in proto3; an unknown one is stepped over together with the fields in it.
                case 3:
                    groups++;
                    break;
                case 4:
                    groups--;
                    break;
                default:
                    reader.TryReadExact((int)ReadVarint(ref reader), out var value);
                    if (groups == 0 && type.FindFieldByNumber((int)(tag >> 3)) is { } field)
                        Verify(field, value);
                    break;
            }
        }
    }

    private static void Verify(FieldDescriptor field, ReadOnlySequence<byte> value)
    {
        if (field.FieldType == FieldType.Message)
            Verify(field.MessageType, value);
        else if (field.FieldType == FieldType.String && !Utf8.IsValid(value.IsSingleSegment ? value.FirstSpan : value.ToArray()))
            throw new RpcException(RpcStatusCode.InvalidArgument, $"field {field.FullName} is not valid UTF-8");
    }

    private static ulong ReadVarint(ref SequenceReader<byte> reader)
    {
        var value = 0UL;
        for (var shift = 0; reader.TryRead(out var b); shift += 7)
        {
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                break;
        }
        return value;
    }
}
