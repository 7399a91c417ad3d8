using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Voters.Models;

/// <summary>Makes voters that ask a model, with this service's keys.</summary>
internal sealed class LlmVoterKind(ModelKeys keys, AgentBusOptions options) : IVoterKind, IDisposable
{
    private const int MaxContext = 1_000;

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        // Within the time that an intention waits for its decision, so that the reason can be told.
        Timeout = options.DecisionTimeout * 0.9,
    };

    public Voter.KindOneofCase Kind => Voter.KindOneofCase.Llm;

    public IVoter Create(Voter settings)
    {
        var llm = settings.Llm;
        IJudgeWire wire = llm.Provider switch
        {
            "" or "anthropic" => new AnthropicJudgeWire(),
            "openai" => new OpenAIJudgeWire(),
            _ => throw Invalid($"llm.provider is '{llm.Provider}'; it must be anthropic or openai"),
        };
        if (llm.Model.Length == 0)
        {
            throw Invalid("llm.model is missing");
        }

        if (llm.ContextEntries is < 0 or > MaxContext)
        {
            throw Invalid($"llm.context_entries must be 0 to {MaxContext}");
        }

        var key = wire is AnthropicJudgeWire ? keys.Anthropic : keys.OpenAI;
        return key is not null
            ? new LlmVoter(_http, wire, Endpoint(llm, wire), key, llm)
            : throw Invalid($"llm.provider: the bus service has no key for it; set {(wire is AnthropicJudgeWire ? "LLM_API_KEY" : "OPENAI_API_KEY or LLM_API_KEY")} in its environment");
    }

    public void Dispose() => _http.Dispose();

    // Owners set voters, and the key is the service's: it goes nowhere that whoever runs the service has not named.
    private Uri Endpoint(Contracts.Bus.V1.LlmVoter llm, IJudgeWire wire)
    {
        if (llm.Endpoint.Length == 0)
        {
            return wire.DefaultEndpoint;
        }

        if (!Uri.TryCreate(llm.Endpoint, UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("http" or "https"))
        {
            throw Invalid("llm.endpoint must be an absolute http or https URL");
        }

        return options.ModelEndpoints.Contains(endpoint)
            ? endpoint
            : throw Invalid($"llm.endpoint: the service sends its key only to the provider's own endpoint and to those of AgentBus:ModelEndpoints, which {endpoint.GetLeftPart(UriPartial.Authority)} is none of");
    }

    private static RpcException Invalid(string message) => new(RpcStatusCode.InvalidArgument, message);
}
