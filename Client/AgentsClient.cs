using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using AgentKernel.Contracts;
using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Archives;
using AgentKernel.Rpc;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Client;

/// <summary>Communication with one agent by its owner. Wants the agent's nonce and no other token.</summary>
/// <remarks>
/// All methods throw <see cref="RpcException"/>: PERMISSION_DENIED for a wrong nonce and an unknown agent alike,
/// FAILED_PRECONDITION for an agent that has ended.
/// </remarks>
public sealed class AgentsClient
{
    private readonly RpcChannel _channel;

    internal AgentsClient(RpcChannel channel) => _channel = channel;

    /// <summary>
    /// Sends content and streams the answer, piece by piece as the agent produces it. Leaving the enumeration cancels
    /// the turn, all the way to the model. The last message has <c>Done</c>; a failed turn tells <c>Error</c> before it.
    /// </summary>
    /// <param name="agentId">Which agent.</param>
    /// <param name="nonce">Its nonce.</param>
    /// <param name="body">A JSON document in the agent's transport format, or plain text.</param>
    /// <param name="cancellationToken">Cancels the turn.</param>
    /// <exception cref="RpcException">ABORTED when a turn is already running.</exception>
    public IAsyncEnumerable<TurnResponse> TurnAsync(string agentId, string nonce, string body, CancellationToken cancellationToken = default) =>
        _channel.StreamAsync(AgentMethods.Turn, new() { AgentId = agentId, Nonce = nonce, Body = ByteString.CopyFromUtf8(body) }, cancellationToken: cancellationToken);

    /// <summary>Sends content and streams the answer; see the other overload.</summary>
    public IAsyncEnumerable<TurnResponse> TurnAsync(OwnedAgent agent, string body, CancellationToken cancellationToken = default) =>
        TurnAsync(agent.Id, agent.Nonce, body, cancellationToken);

    /// <summary>Sends one message and returns the whole answer.</summary>
    /// <exception cref="AgentTurnException">The turn failed on its way.</exception>
    public async Task<string> AskAsync(string agentId, string nonce, string message, CancellationToken cancellationToken = default)
    {
        // As a document, so that a message which happens to look like one is still a message.
        var body = new JsonObject { ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = message }) };
        var answer = new StringBuilder();
        await foreach (var piece in TurnAsync(agentId, nonce, body.ToJsonString(), cancellationToken))
        {
            if (piece.Error.Length > 0)
            {
                throw new AgentTurnException(piece.Error, answer.ToString());
            }

            answer.Append(piece.Body);
        }

        return answer.ToString();
    }

    /// <summary>Ends the running turn, whoever called it.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> CancelTurnAsync(OwnedAgent agent, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentMethods.CancelTurn, new() { AgentId = agent.Id, Nonce = agent.Nonce }, cancellationToken: cancellationToken)).Cancelled;

    /// <summary>Reads the conversation, oldest first.</summary>
    /// <param name="agent">Which agent.</param>
    /// <param name="lastN">Only the last so many entries; null: all.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<IReadOnlyList<HistoryEntry>> GetHistoryAsync(OwnedAgent agent, int? lastN = null, CancellationToken cancellationToken = default)
    {
        var request = new GetHistoryRequest { AgentId = agent.Id, Nonce = agent.Nonce };
        if (lastN is { } count)
        {
            request.LastN = count;
        }

        return (await _channel.CallAsync(AgentMethods.GetHistory, request, cancellationToken: cancellationToken)).Entries;
    }

    /// <summary>What the agent tells of itself: <c>pid</c>, <c>cwd</c>, <c>uid</c>, <c>model</c> and more.</summary>
    public async Task<Struct> GetInfoAsync(OwnedAgent agent, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentMethods.GetInfo, new() { AgentId = agent.Id, Nonce = agent.Nonce }, cancellationToken: cancellationToken)).Info;

    /// <summary>Sends an operation of the agent type's own, e.g. <c>{"operation": "list_tools"}</c>.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT when the agent refuses it.</exception>
    public async Task<Struct> ControlAsync(OwnedAgent agent, Struct operation, CancellationToken cancellationToken = default) =>
        (await ControlAsync(agent, Any.Pack(operation), cancellationToken)).Unpack<Struct>();

    /// <summary>Sends an operation as a message of the agent type's own, and returns its answer as it came.</summary>
    public async Task<Any> ControlAsync(OwnedAgent agent, Any operation, CancellationToken cancellationToken = default) =>
        (await _channel.CallAsync(AgentMethods.Control, new() { AgentId = agent.Id, Nonce = agent.Nonce, Payload = operation }, cancellationToken: cancellationToken)).Payload;

    /// <summary>Loads a folder into a running agent of the reference type, as a bundle that its image did not have.</summary>
    /// <param name="agent">Which agent.</param>
    /// <param name="folder">At most 12 MiB when compressed.</param>
    /// <param name="name">The bundle's name; one that was loaded under it before is replaced.</param>
    /// <param name="type"><c>helpers</c>, <c>skill</c> or <c>data</c>.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>Where the agent has it.</returns>
    /// <exception cref="IOException">Something in the folder cannot be read or sent.</exception>
    /// <exception cref="RpcException">INVALID_ARGUMENT: the agent refuses it.</exception>
    public async Task<string> LoadBundleAsync(OwnedAgent agent, string folder, string name, string type = "helpers", CancellationToken cancellationToken = default)
    {
        const int limit = 12 * 1024 * 1024; // in base64 that is what a control call can hold
        using var archive = new MemoryStream();
        try
        {
            await using var gzip = new GZipStream(archive, CompressionLevel.Optimal, leaveOpen: true);
            await FolderArchive.WriteAsync(folder, gzip, cancellationToken);
        }
        catch (ArchiveException exception)
        {
            throw new IOException($"{folder}: {exception.Message}", exception);
        }

        if (archive.Length >= limit)
        {
            throw new IOException($"{folder} has {archive.Length} bytes compressed, and a running agent can be sent {limit}; put it in an image");
        }

        var operation = new Struct
        {
            Fields =
            {
                ["operation"] = Value.ForString("load_bundle"),
                ["name"] = Value.ForString(name),
                ["type"] = Value.ForString(type),
                ["archive"] = Value.ForString(Convert.ToBase64String(archive.GetBuffer(), 0, (int)archive.Length)),
            },
        };
        var answer = await ControlAsync(agent, operation, cancellationToken);
        return answer.Fields.TryGetValue("path", out var path) ? path.StringValue : "";
    }
}
