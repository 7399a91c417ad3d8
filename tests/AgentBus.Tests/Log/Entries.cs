using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Tests.Log;

/// <summary>Payloads that tests write, and what they read of them.</summary>
internal static class Entries
{
    public static Payload Input(string text) => new() { AgentInput = new() { StringAgentInput = text } };

    public static Payload Intention(string text) => new() { Intention = new() { StringIntention = text } };

    public static Payload Output(string text) => new() { AgentOutput = new() { StringAgentOutput = text } };

    public static string Text(BusEntry entry) => entry.Payload.PayloadCase switch
    {
        Payload.PayloadOneofCase.AgentInput => entry.Payload.AgentInput.StringAgentInput,
        Payload.PayloadOneofCase.Intention => entry.Payload.Intention.StringIntention,
        _ => entry.Payload.AgentOutput.StringAgentOutput,
    };
}
