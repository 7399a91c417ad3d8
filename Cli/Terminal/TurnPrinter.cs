using System.Text.Json.Nodes;
using AgentKernel.Client;
using AgentKernel.Contracts.V1;
using Google.Protobuf.WellKnownTypes;
using Spectre.Console;

namespace AgentKernel.Cli.Terminal;

/// <summary>Prints a turn as it arrives: the answer's text as it is, tool calls beside it, or one JSON line an event.</summary>
internal sealed class TurnPrinter(bool json, bool showTools, IAnsiConsole console)
{
    private const int MaxToolLines = 12;

    private bool _midLine;
    private bool _afterTool;

    /// <summary>A printer of answers on standard output.</summary>
    /// <param name="showTools">Also in a pipe; otherwise tool calls are shown on a terminal only, so that a pipe gets the answer alone.</param>
    public static TurnPrinter For(Output output, bool showTools = false) => new(output.Json, showTools || !Console.IsOutputRedirected, AnsiConsole.Console);

    /// <exception cref="AgentTurnException">The turn failed; what had been said before is printed.</exception>
    public async Task PrintAsync(IAsyncEnumerable<TurnResponse> turn)
    {
        string? error = null;
        await foreach (var piece in turn)
        {
            if (json)
            {
                Output.WriteJson(ToJson(piece));
            }
            else
            {
                Print(piece);
            }

            error = piece.Error.Length > 0 ? piece.Error : error;
        }

        EndLine();
        if (error is not null)
        {
            throw new AgentTurnException(error, "");
        }
    }

    private void Print(TurnResponse piece)
    {
        // The blank lines that part the text from a tool call are not needed where the call itself stands between.
        var text = _afterTool ? piece.Body.TrimStart('\n') : piece.Body;
        if (text.Length > 0)
        {
            Console.Out.Write(text);
            Console.Out.Flush();
            (_midLine, _afterTool) = (!text.EndsWith('\n'), false);
        }

        if (showTools && piece.Event is { } happened)
        {
            PrintEvent(happened);
        }
    }

    private void PrintEvent(Struct happened)
    {
        string Text(string key) => happened.Fields.TryGetValue(key, out var value) ? value.KindCase is Value.KindOneofCase.StringValue ? value.StringValue : value.ToString() : "";
        switch (Text("type"))
        {
            case "tool_call":
                EndLine();
                var input = happened.Fields.TryGetValue("input", out var fields) && fields.StructValue is { } arguments && arguments.Fields.TryGetValue("command", out var command)
                    ? command.StringValue
                    : Text("input");
                console.MarkupLineInterpolated($"[blue]{Text("name")}[/] [dim]{input}[/]");
                break;
            case "tool_result":
                _afterTool = true;
                var lines = Text("output").TrimEnd().Split('\n');
                foreach (var line in lines.Take(MaxToolLines))
                {
                    console.MarkupLineInterpolated($"  [dim]{line}[/]");
                }

                if (lines.Length > MaxToolLines)
                {
                    console.MarkupLineInterpolated($"  [dim]… {lines.Length - MaxToolLines} more lines[/]");
                }

                break;
        }
    }

    private void EndLine()
    {
        if (_midLine)
        {
            Console.Out.WriteLine();
            _midLine = false;
        }
    }

    /// <summary>An event as a JSON line.</summary>
    public static JsonObject ToJson(TurnResponse piece)
    {
        var line = new JsonObject { ["body"] = piece.Body, ["done"] = piece.Done };
        if (piece.Error.Length > 0)
        {
            line["error"] = piece.Error;
        }

        if (piece.Event is not null)
        {
            line["event"] = Output.ToJson(piece.Event);
        }

        return line;
    }
}
