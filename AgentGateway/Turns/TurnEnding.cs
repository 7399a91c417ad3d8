using System.Text.Encodings.Web;
using System.Text;
using System.Text.Json;
using AgentKernel.Rpc;
using AgentKernel.Rpc.Connect;

namespace AgentKernel.AgentGateway.Turns;

/// <summary>How a turn ended; the first that happens stands.</summary>
internal enum TurnEnding
{
    /// <summary>It has not.</summary>
    None,
    /// <summary>The agent sent its last event.</summary>
    Done,
    /// <summary>The owner asked for it.</summary>
    Cancelled,
    /// <summary>Nobody is there to read the answer.</summary>
    CallerGone,
    /// <summary>The agent's program ended.</summary>
    AgentEnded,
    /// <summary>The agent's stream broke, or ended before its last event.</summary>
    BrokenOff,
    /// <summary>An event of the agent is not one, or has no end.</summary>
    BadEvent,
    /// <summary>The agent sent no event for too long.</summary>
    Idle,
    /// <summary>The turn took too long as a whole.</summary>
    TooLong,
    /// <summary>The gateway stops.</summary>
    Stopping,
    /// <summary>The agent refused it, or could not be reached.</summary>
    Refused,
}

/// <summary>What callers are told of an ending: as a status where nothing was sent yet, else as the last two events.</summary>
internal static class TurnEndings
{
    public static RpcException ToException(this TurnEnding ending, AgentGatewayOptions options)
    {
        var (code, message) = Describe(ending, options);
        return new(code, message);
    }

    /// <summary>The error event and the done event, in the agent contract's form, with the status code as <c>code</c>.</summary>
    public static byte[] ToEvents(this TurnEnding ending, AgentGatewayOptions options)
    {
        var (code, message) = Describe(ending, options);
        var text = JsonEncodedText.Encode(message, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        return Encoding.UTF8.GetBytes(
            $$"""
            data: {"body":"","error":"{{text}}","code":"{{ConnectStatus.NameOf(code)}}","done":false}

            data: {"body":"","done":true}


            """.ReplaceLineEndings("\n"));
    }

    private static (RpcStatusCode Code, string Message) Describe(TurnEnding ending, AgentGatewayOptions options) => ending switch
    {
        TurnEnding.Cancelled => (RpcStatusCode.Cancelled, "the turn was cancelled"),
        TurnEnding.CallerGone => (RpcStatusCode.Cancelled, "the caller went away"),
        TurnEnding.AgentEnded => (RpcStatusCode.FailedPrecondition, "the agent ended while the turn was running; its record says why"),
        TurnEnding.BrokenOff => (RpcStatusCode.Unavailable, "the agent's answer broke off before its last event"),
        TurnEnding.BadEvent => (RpcStatusCode.Unavailable, $"the agent sent an event that is not a JSON object, or is larger than {options.MaxRequestBytes} bytes"),
        TurnEnding.Idle => (RpcStatusCode.DeadlineExceeded, $"the agent sent no event for {options.TurnIdleTimeout.TotalSeconds:0.###} s, so the turn was ended"),
        TurnEnding.TooLong => (RpcStatusCode.DeadlineExceeded, $"the turn took longer than {options.TurnTimeout?.TotalSeconds:0.###} s, so it was ended"),
        TurnEnding.Stopping => (RpcStatusCode.Unavailable, "the gateway is stopping; try again when it is back"),
        _ => (RpcStatusCode.Internal, "internal error"),
    };
}
