using System.Text.Json.Serialization;
using AgentKernel.ServiceDefaults.Access;

namespace AgentKernel.AgentBus.Buses;

/// <summary>Whose a bus is, as it is kept beside its log. Of secrets only the hashes.</summary>
/// <param name="BusId"><c>{agent_name}.{agent_uuid}</c>.</param>
/// <param name="TeamId">Empty: the default team.</param>
/// <param name="AgentTokenHash">The SHA-256 of what the agent presents.</param>
/// <param name="OwnerNonceHash">The SHA-256 of what its owner presents; empty: nobody but the operator owns it.</param>
/// <param name="SafetyDisabled">Whether it was registered to log only.</param>
internal sealed record BusRegistration(string BusId, string TeamId, byte[] AgentTokenHash, byte[] OwnerNonceHash, bool SafetyDisabled, DateTimeOffset CreatedAt)
{
    public bool IsAgent(string? token) => SecretToken.Matches(AgentTokenHash, token);

    public bool IsOwner(string? nonce) => OwnerNonceHash.Length > 0 && SecretToken.Matches(OwnerNonceHash, nonce);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(BusRegistration))]
internal sealed partial class BusRegistrationJson : JsonSerializerContext;
