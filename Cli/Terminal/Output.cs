using System.CommandLine;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Spectre.Console;

namespace AgentKernel.Cli.Terminal;

/// <summary>
/// What a command prints: text for people, or JSON with <c>--json</c>. Results go to standard output; progress and
/// remarks to standard error, and only where that is a terminal.
/// </summary>
internal sealed class Output(ParseResult command)
{
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true).WithFormatDefaultValues(true));

    private static readonly IAnsiConsole Remarks = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });

    public bool Json { get; } = command.GetValue(CommonOptions.Json);

    /// <summary>A protobuf message as a JSON node, with the names of the .proto.</summary>
    public static JsonNode ToJson(IMessage message) => JsonNode.Parse(Formatter.Format(message))!;

    /// <summary>Prints one JSON line.</summary>
    public static void WriteJson(JsonNode node) => Console.Out.WriteLine(node.ToJsonString());

    /// <summary>Prints a result: the message as JSON, or the text.</summary>
    public void Write(IMessage message, string text)
    {
        if (Json)
        {
            WriteJson(ToJson(message));
        }
        else
        {
            Console.Out.WriteLine(text);
        }
    }

    /// <summary>Tells a demo's story; with <c>--json</c> only its events are told.</summary>
    public void Say(string text)
    {
        if (!Json)
        {
            Console.Out.WriteLine(text);
        }
    }

    /// <summary>Says something on a terminal that is not the result; a pipe does not get it.</summary>
    public void Remark(string text)
    {
        if (!Json && !Console.IsErrorRedirected)
        {
            Remarks.MarkupLineInterpolated($"[dim]{text}[/]");
        }
    }

    /// <summary>Does something that may take long, and shows on a terminal what it says of its progress.</summary>
    public Task<T> WhileAsync<T>(string what, Func<Action<string>, Task<T>> work) => Json || Console.IsErrorRedirected
        ? work(_ => { })
        : Remarks.Status().StartAsync(Markup.Escape(what), status => work(progress => status.Status(Markup.Escape(progress))));

    /// <summary>Does something that may take long; shows that on a terminal.</summary>
    public Task<T> WhileAsync<T>(string what, Func<Task<T>> work) => Json || Console.IsErrorRedirected
        ? work()
        : Remarks.Status().StartAsync(Markup.Escape(what), _ => work());
}
