using System.Text;
using AgentKernel.Client;
using AgentKernel.Contracts.V1;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Cli.Terminal;

/// <summary>
/// Prints the turns of several agents that may speak at once: line by line, each with its speaker's name before it, or one
/// JSON line an event with the speaker in it.
/// </summary>
internal sealed class SpeakerPrinter(Output output)
{
    // A paragraph without line breaks is shown in pieces, or nothing would be seen of it until its end.
    private const int LongLine = 100;

    private readonly Lock _printing = new();

    /// <returns>All that was said.</returns>
    /// <exception cref="AgentTurnException">The turn failed; what had been said before is printed.</exception>
    public async Task<string> PrintAsync(string speaker, IAsyncEnumerable<TurnResponse> turn)
    {
        var (said, line) = (new StringBuilder(), new StringBuilder());
        string? error = null;
        await foreach (var piece in turn)
        {
            said.Append(piece.Body);
            error = piece.Error.Length > 0 ? piece.Error : error;
            if (output.Json)
            {
                var json = TurnPrinter.ToJson(piece);
                json["speaker"] = speaker;
                Write(() => Output.WriteJson(json));
                continue;
            }

            foreach (var c in piece.Body)
            {
                if (c == '\n' || (c == ' ' && line.Length >= LongLine))
                {
                    Flush(speaker, line);
                }
                else
                {
                    line.Append(c);
                }
            }

            if (piece.Event is { } happened && Text(happened, "type") == "tool_call")
            {
                Flush(speaker, line);
                var input = happened.Fields.TryGetValue("input", out var fields) && fields.StructValue?.Fields.TryGetValue("command", out var command) is true ? command.StringValue : "";
                Write(() => Console.Out.WriteLine($"[{speaker}] ({Text(happened, "name")}: {input})"));
            }
        }

        Flush(speaker, line);
        return error is null ? said.ToString() : throw new AgentTurnException($"{speaker}: {error}", said.ToString());
    }

    private void Flush(string speaker, StringBuilder line)
    {
        if (line.Length > 0)
        {
            var text = line.ToString();
            line.Clear();
            Write(() => Console.Out.WriteLine($"[{speaker}] {text}"));
        }
    }

    private void Write(Action print)
    {
        lock (_printing)
        {
            print();
            Console.Out.Flush();
        }
    }

    private static string Text(Struct happened, string key) => happened.Fields.TryGetValue(key, out var value) ? value.StringValue : "";
}
