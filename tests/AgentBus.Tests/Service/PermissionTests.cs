using AgentKernel.AgentBus.Tests.Log;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults.Access;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>Who may write and read what; each forgery is tried.</summary>
public sealed class PermissionTests : IAsyncLifetime
{
    private const string VoterToken = "a-voters-token";

    private BusServer _server = null!; // InitializeAsync comes first
    private BusUser _agent = null!;
    private BusUser _voter = null!;
    private long _intention;

    public async ValueTask InitializeAsync()
    {
        _server = await BusServer.StartAsync();
        _agent = await _server.RegisterAsync();
        _voter = _server.As(_agent.BusId, VoterToken);
        var external = new Voter { External = new() { TokenSha256 = ByteString.CopyFrom(SecretToken.Hash(VoterToken)) }, Quorum = new() { All = new() } };
        await _server.Owner(_agent.BusId).AppendAsync(Policies.Batch(expected: 1, ("outside", external)));
        _intention = await _agent.IntendAsync("wait");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static Dictionary<string, Payload> Payloads(long intention) => new()
    {
        ["intention"] = Entries.Intention("wait"),
        ["vote"] = new() { Vote = new() { IntentionId = intention, AbstractVote = new() { BooleanVote = true } } },
        ["decider_policy"] = new() { DeciderPolicy = DeciderPolicy.FirstBooleanWins },
        ["commit"] = new() { Commit = new() { IntentionId = intention, Reason = "forged" } },
        ["abort"] = new() { Abort = new() { IntentionId = intention, Reason = "forged" } },
        ["voter_policy"] = new() { VoterPolicy = new() { Config = new() } },
        ["control"] = Policies.Batch(expected: 2, ("h", new Voter { Human = new(), Quorum = new() { All = new() } })),
        ["inference_input"] = new() { InferenceInput = new() { StringInferenceInput = "i" } },
        ["inference_output"] = new() { InferenceOutput = new() { StringInferenceOutput = "o" } },
        ["action_output"] = new() { ActionOutput = new() { IntentionId = intention, StringActionOutput = "a" } },
        ["agent_input"] = Entries.Input("i"),
        ["agent_output"] = Entries.Output("o"),
        ["mail"] = new() { Mail = new() { Message = new() { Body = "hello" } } },
    };

    [Theory]
    [InlineData("agent", "intention, inference_input, inference_output, action_output, agent_input, agent_output")]
    [InlineData("voter", "vote")]
    [InlineData("owner", "vote, decider_policy, voter_policy, control, mail")]
    [InlineData("operator", "vote, decider_policy, voter_policy, control, mail")]
    [InlineData("teammate", "mail")]
    public async Task Append_OfEveryKind_IsTakenFromThoseWhoMayAndNobodyElse(string who, string allowed)
    {
        var caller = who switch
        {
            "agent" => _agent,
            "voter" => _voter,
            "owner" => _server.Owner(_agent.BusId),
            "operator" => _server.Operator(_agent.BusId),
            _ => _agent with { Secret = (await _server.RegisterAsync()).Secret },
        };
        var taken = new List<string>();
        foreach (var (name, payload) in Payloads(_intention))
        {
            var tail = await _agent.TailAsync();
            try
            {
                await caller.AppendAsync(payload);
                taken.Add(name);
            }
            catch (RpcException exception)
            {
                Assert.Equal(RpcStatusCode.PermissionDenied, exception.Code);
                var forged = await _agent.PollAsync(tail);
                Assert.DoesNotContain(forged.Entries, entry => entry.Payload.PayloadCase == payload.PayloadCase);
            }
        }

        Assert.Equal(allowed.Split(", ").Order(), taken.Order());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a guess")]
    [InlineData(BusServer.ServiceToken)]
    public async Task EveryCall_WithoutARightSecret_IsDeniedInTheWordsForABusThatIsNotThere(string secret)
    {
        var stranger = _server.As(_agent.BusId, secret);
        var nowhere = _server.As($"helper.{Guid.NewGuid()}", _agent.Secret);

        foreach (var call in new Func<BusUser, Task>[] { user => user.IntendAsync("yes"), user => user.PollAsync(), user => user.TailAsync(), user => user.BlockingPollAsync(0, 10) })
        {
            var denied = await Assert.ThrowsAsync<RpcException>(() => call(stranger));
            var unknown = await Assert.ThrowsAsync<RpcException>(() => call(nowhere));
            Assert.Equal(RpcStatusCode.PermissionDenied, denied.Code);
            Assert.Equal((denied.Code, denied.Message), (unknown.Code, unknown.Message));
        }
    }

    [Fact]
    public async Task Agent_OnAnotherTeamsBus_MayNotEvenSendMail()
    {
        var other = await _server.RegisterAsync(team: "others");

        var exception = await Assert.ThrowsAsync<RpcException>(() => (_agent with { Secret = other.Secret }).AppendAsync(Payloads(_intention)["mail"]));

        Assert.Equal(RpcStatusCode.PermissionDenied, exception.Code);
    }

    [Fact]
    public async Task Teammate_ReadingTheOthersBus_IsDenied()
    {
        var teammate = _agent with { Secret = (await _server.RegisterAsync()).Secret };

        Assert.Equal(RpcStatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => teammate.PollAsync())).Code);
        Assert.Equal(RpcStatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => teammate.TailAsync())).Code);
    }

    [Fact]
    public async Task Mail_FromATeammate_CarriesItsIdAndNoOther()
    {
        var sender = await _server.RegisterAsync();
        var mailer = _agent with { Secret = sender.Secret };
        var forged = await Assert.ThrowsAsync<RpcException>(() => mailer.AppendAsync(new() { Mail = new() { SenderAgentId = "operator", Message = new() { Body = "obey" } } }));

        await mailer.AppendAsync(new() { Mail = new() { Message = new() { Body = "hello" } } });

        Assert.Equal(RpcStatusCode.PermissionDenied, forged.Code);
        var mail = Assert.Single((await _agent.PollAsync(0, 100, SelectivePollType.Mail)).Entries).Payload.Mail;
        Assert.Equal((sender.BusId, "hello"), (mail.SenderAgentId, mail.Message.Body));
    }

    [Fact]
    public async Task Voter_UnderAnothersId_IsDenied()
    {
        Assert.Equal(RpcStatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => _voter.VoteAsync(_intention, yes: true, voterId: "rules"))).Code);

        await _voter.VoteAsync(_intention, yes: true);

        var vote = Assert.Single(await _agent.VotesAsync(_intention, 1));
        Assert.Equal("outside", vote.VoterId);
        Assert.NotNull(vote.VoterConfig.Custom.Unpack<Voter>().External);
    }

    [Theory]
    [InlineData("rules")]
    [InlineData("outside")]
    [InlineData("someone")]
    public async Task Owner_UnderAVotersId_IsDenied(string voterId) =>
        Assert.Equal(RpcStatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => _server.Owner(_agent.BusId).VoteAsync(_intention, yes: true, voterId))).Code);

    [Fact]
    public async Task Voter_ThatWasRemoved_IsDenied()
    {
        await _server.Owner(_agent.BusId).AppendAsync(Policies.Batch(expected: 2, ("outside", null)));

        Assert.Equal(RpcStatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => _voter.VoteAsync(_intention, yes: true))).Code);
    }

    [Fact]
    public async Task Agent_RegisteredAnew_HasANewTokenAndTheSameLog()
    {
        var again = await _server.RegisterAsync(_agent.BusId);

        Assert.Equal(RpcStatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => _agent.TailAsync())).Code);
        Assert.Equal(3, await again.TailAsync());
    }

    [Fact]
    public async Task Admin_WithoutTheSecretThatEachCallWants_IsRefused()
    {
        async Task Refused<TRequest, TResponse>(UnaryMethod<TRequest, TResponse> method, TRequest request, RpcStatusCode code, params string[] secrets)
            where TRequest : class, IMessage<TRequest>
            where TResponse : class, IMessage<TResponse>
        {
            foreach (var secret in secrets)
            {
                Assert.Equal(code, (await Assert.ThrowsAsync<RpcException>(() => _server.Channel.CallAsync(method, request, new() { BearerToken = secret }, Patience.Token))).Code);
            }
        }

        await Refused(BusAdminMethods.RegisterBus, new() { BusId = _agent.BusId }, RpcStatusCode.Unauthenticated, "x", _agent.Secret, BusServer.OwnerNonce, VoterToken);
        await Refused(BusAdminMethods.DeleteBus, new() { BusId = _agent.BusId }, RpcStatusCode.Unauthenticated, "x", _agent.Secret, BusServer.OwnerNonce, VoterToken);
        await Refused(BusAdminMethods.ListBuses, new(), RpcStatusCode.Unauthenticated, "x", _agent.Secret, BusServer.OwnerNonce, BusServer.ServiceToken);
        await Refused(BusAdminMethods.ListPending, new() { BusId = _agent.BusId }, RpcStatusCode.PermissionDenied, "x", _agent.Secret, VoterToken);
    }
}
