using System.Text.Json.Nodes;
using AgentKernel.Contracts.V1;
using AgentKernel.Spawner.Backends;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>The way of an agent in a real sandbox to its model, with a key that it does not have.</summary>
public sealed class SandboxModelTests : IAsyncDisposable
{
    private const string Key = "sk-the-real-key-4711";
    private const string Route = "http://127.0.0.1:3129";

    private readonly BubblewrapFixture _bubblewrap = new();
    private readonly SemaphoreSlim _next = new(0);
    private readonly LoopbackServer _model;

    public SandboxModelTests() => _model = new(AnswerAsync);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _model.DisposeAsync();
        await _bubblewrap.DisposeAsync();
        _next.Dispose();
    }

    [Theory]
    [InlineData("anthropic", "/v1/messages", "/v1/messages", "x-api-key: " + Key)]
    [InlineData("openai", "/chat/completions", "/v1/chat/completions", "Authorization: Bearer " + Key)]
    public async Task Request_OnTheRoute_HasTheRealKey(string provider, string path, string arrives, string header)
    {
        _ = Machine.Program("curl");
        _next.Release();
        var spec = Spec($"curl -sS -m 60 -H 'Authorization: Bearer {ModelGrantPlaceholder}' -H 'x-api-key: {ModelGrantPlaceholder}' -d hello {Route}{path}", provider, arrives.StartsWith("/v1/chat", StringComparison.Ordinal) ? "/v1" : "");
        Assert.Equal("first\nsecond", await _bubblewrap.RunAsync(spec));
        var request = Assert.Single(_model.Requests);
        Assert.StartsWith($"POST {arrives} HTTP/1.1\n", request, StringComparison.Ordinal);
        Assert.Contains(header, request, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(ModelGrantPlaceholder, request, StringComparison.Ordinal);
        Assert.DoesNotContain(_bubblewrap.Log.Lines, line => line.Contains(Key, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Answer_OnTheRoute_ComesPieceByPiece()
    {
        _ = Machine.Program("curl");
        var spec = Spec($"curl -sSN -m 60 -d hello {Route}/v1/messages | {{ read line; echo >/workspace/runs; cat; }}");
        var agent = await _bubblewrap.NewKernel().StartAsync(spec, Cancellation);
        _bubblewrap.Release(spec);
        await Waiting.ForAsync(_bubblewrap.RunsAsync(spec), "the first piece", () => string.Join('\n', _bubblewrap.Log.Lines));
        _next.Release(); // only now is there a second
        Assert.EndsWith("second", (await Waiting.ForAsync(agent.Completion, "the end", () => "")).OutputTail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_OfTheModel_IsNowhereInTheSandbox()
    {
        var spec = Spec("cat /run/config.json; echo; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'; grep -rs sk-the-real / --exclude-dir=usr --exclude-dir=proc --exclude-dir=dev; env; echo scanned");
        spec = spec with { Config = new JsonObject { ["agent_id"] = spec.AgentId, ["api_key"] = Key, ["base_url"] = $"http://{_model.Address}", ["model_access"] = new JsonObject { ["credential"] = Key } } };
        var said = await _bubblewrap.RunAsync(spec);
        Assert.EndsWith("scanned", said, StringComparison.Ordinal);
        Assert.Contains(Route, said, StringComparison.Ordinal);
        Assert.DoesNotContain("the-real-key", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_OfAVendorWithoutEndpoint_IsNotPassedOn()
    {
        var spec = Spec("cat /run/config.json", "another");
        spec.ModelAccess!.Endpoint = "";
        spec.Config["model_access"] = new JsonObject { ["provider"] = "another", ["credential"] = Key };
        Assert.DoesNotContain("the-real-key", await _bubblewrap.RunAsync(spec), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_ThatIsToBePassed_IsThere_AndTheModelIsReachedThroughTheProxy()
    {
        _ = Machine.Program("curl");
        _next.Release();
        var spec = Spec($"cat /run/config.json; echo; env NO_PROXY= no_proxy= curl -sS -m 60 -d hello http://{_model.Address}/v1/messages");
        spec.ModelAccess!.Credentials = "pass";
        var said = await _bubblewrap.RunAsync(spec);
        Assert.Contains(Key, said, StringComparison.Ordinal);
        Assert.EndsWith("first\nsecond", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reattach_ToALivingOne_ServesItsModelAgain()
    {
        _ = Machine.Program("curl");
        _next.Release();
        var spec = Spec($"curl -sS -m 60 -d hello {Route}/v1/messages");
        var first = _bubblewrap.NewKernel();
        var saved = (await first.StartAsync(spec, Cancellation)).SavedState.Clone();
        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(owner, File.GetUnixFileMode(Path.Combine(spec.Folder, "egress.json")));
        await first.DisposeAsync();
        var again = await _bubblewrap.NewKernel().ReattachAsync(spec with { ModelAccess = null, Secrets = [] }, saved, Cancellation);
        _bubblewrap.Release(spec);
        Assert.EndsWith("second", (await Waiting.ForAsync(again!.Completion, "the end", () => "")).OutputTail, StringComparison.Ordinal);
        Assert.Contains(Key, Assert.Single(_model.Requests), StringComparison.Ordinal);
        Assert.Empty(_bubblewrap.Leftovers(spec));
        Assert.DoesNotContain(Directory.EnumerateFiles(spec.Folder), file => File.ReadAllText(file).Contains(Key, StringComparison.Ordinal));
    }

    private const string ModelGrantPlaceholder = "kept-outside-of-the-sandbox";

    private AgentSpec Spec(string command, string provider = "anthropic", string path = "") =>
        _bubblewrap.Spec(ShellAgent.Type($"ready; released; {{ {command}\n}} 2>&1")) with
        {
            ModelAccess = new ModelAccess { Provider = provider, Endpoint = $"http://{_model.Address}{path}", Credential = Key },
        };

    private async IAsyncEnumerable<string> AnswerAsync()
    {
        yield return "first\n";
        await _next.WaitAsync(Cancellation);
        yield return "second";
    }
}
