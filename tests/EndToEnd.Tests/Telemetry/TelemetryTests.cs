using AgentKernel.Client;
using AgentKernel.EndToEnd.Tests.Telemetry.Otlp;
using AgentKernel.ServiceDefaults.Telemetry;
using Google.Protobuf;

namespace AgentKernel.EndToEnd.Tests.Telemetry;

/// <summary>What a collector sees of a spawn and a turn with a tool call, sent by services, agent and command as each ends.</summary>
public sealed class TelemetryTests
{
    private const string Key = "sk-ant-test-0123456789abcdef";
    private const string Prompt = "the-secret-question-of-the-caller";
    private const string Answer = "the-secret-output-of-the-tool";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("grpc")]
    [InlineData("http/protobuf")]
    public async Task Turn_WithAToolCall_IsOneTraceFromTheCallerToTheModelAndTheTool(string protocol)
    {
        await using var collector = await OtlpReceiver.StartAsync();
        await using var model = await ToolCallingModel.StartAsync("echo $TRACEPARENT > trace; env > environment");
        var run = await RunAsync(collector.Settings(protocol), model);

        var spans = collector.Spans.ToList();
        var ask = spans.Single(span => span.Span.Name == "agentkernel ask");
        var trace = spans.Where(span => span.Span.TraceId.Equals(ask.Span.TraceId)).ToList();
        (string Service, SpanRecord Span) One(string service, string name) => Assert.Single(trace, span => span.Service == service && span.Span.Name == name);
        Assert.Equal("agentkernel-cli", ask.Service);
        var server = One("agentkernel-gateway", "agentkernel.v1.AgentService/Turn");
        var caller = One("agentkernel-gateway", "invoke_agent traced");
        var turn = One("openclaw", "invoke_agent traced");
        var tool = One("openclaw", "execute_tool bash");
        var chats = trace.Where(span => span.Span.Name == "chat claude-sonnet-4-5").ToList();
        AssertCalled(ask, server);
        AssertParent(server, caller);
        AssertCalled(caller, turn);
        AssertParent(turn, tool);
        Assert.Equal(2, chats.Count);
        Assert.All(chats, chat => AssertParent(turn, chat));

        void AssertCalled((string Service, SpanRecord Span) from, (string Service, SpanRecord Span) to)
        {
            var request = Assert.Single(trace, span => span.Service == from.Service && span.Span.SpanId.Equals(to.Span.ParentSpanId));
            Assert.Equal((3, "POST"), (request.Span.Kind, request.Span.Name));
            AssertParent(from, request);
        }

        Assert.Equal((2, 3, 1, 1), (server.Span.Kind, caller.Span.Kind, turn.Span.Kind, tool.Span.Kind));
        Assert.All([caller, turn], span =>
        {
            Assert.Equal("invoke_agent", span.Span.Attributes.Text(GenAi.OperationName));
            Assert.Equal(run.AgentId, span.Span.Attributes.Text(GenAi.AgentId));
            Assert.Equal("traced", span.Span.Attributes.Text(GenAi.AgentName));
            Assert.Equal(run.AgentId, span.Span.Attributes.Text(GenAi.ConversationId));
        });
        Assert.Equal(("execute_tool", "bash", "toolu_1"), (
            tool.Span.Attributes.Text("gen_ai.operation.name"), tool.Span.Attributes.Text("gen_ai.tool.name"), tool.Span.Attributes.Text("gen_ai.tool.call.id")));
        Assert.All(chats, chat =>
        {
            Assert.Equal(3, chat.Span.Kind);
            Assert.Equal(("chat", "anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"), (
                chat.Span.Attributes.Text("gen_ai.operation.name"), chat.Span.Attributes.Text("gen_ai.provider.name"),
                chat.Span.Attributes.Text("gen_ai.request.model"), chat.Span.Attributes.Text("gen_ai.response.model")));
            Assert.Equal(("30", "11", "20", "3"), (
                chat.Span.Attributes.Text("gen_ai.usage.input_tokens"), chat.Span.Attributes.Text("gen_ai.usage.output_tokens"),
                chat.Span.Attributes.Text("gen_ai.usage.cache_read.input_tokens"), chat.Span.Attributes.Text("gen_ai.usage.cache_creation.input_tokens")));
        });
        Assert.Equal(["end_turn", "tool_use"], chats.Select(chat => chat.Span.Attributes.Text("gen_ai.response.finish_reasons")).Order());

        // The model's HTTP requests are children of the chats, the tool's environment is of the tool's span.
        var requests = trace.Where(span => span.Service == "openclaw" && span.Span.Name == "POST").ToList();
        Assert.Equal(requests.Select(request => ParentOf(request.Span)).Order(), model.TraceParents.Order());
        Assert.Equal(chats.Select(chat => chat.Span.SpanId.ToBase64()).Order(), requests.Select(request => request.Span.ParentSpanId.ToBase64()).Order());
        Assert.Equal(ParentOf(tool.Span), run.TraceInTool);

        var spawn = spans.Single(span => span.Span.Name == "create_agent traced").Span;
        Assert.Equal(("create_agent", run.AgentId, "local", "cold"), (
            spawn.Attributes.Text("gen_ai.operation.name"), spawn.Attributes.Text("gen_ai.agent.id"), spawn.Attributes.Text("agentkernel.backend"), spawn.Attributes.Text("agentkernel.spawn.path")));
        Assert.Equal(spawn.TraceId, spans.Single(span => span.Span.Name == "agentkernel spawn").Span.TraceId);
        Assert.DoesNotContain(spans, span => span.Span.Name.Contains("ReportActivity", StringComparison.Ordinal));
        Assert.Equal(["the-collectors-key"], collector.Keys);
        AssertMetrics(collector);
        AssertNothingSecret(collector, run);
    }

    [Fact]
    public async Task Content_WhereTheConventionsOptInIsSet_StandsOnTheSpans()
    {
        await using var collector = await OtlpReceiver.StartAsync();
        await using var model = await ToolCallingModel.StartAsync($"echo {Answer}");
        var settings = collector.Settings("grpc");
        settings["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "true";
        await RunAsync(settings, model);

        var spans = collector.Spans.Where(span => span.Service == "openclaw").Select(span => span.Span).ToList();
        Assert.Contains(Prompt, spans.Single(span => span.Name == "invoke_agent traced").Attributes.Text("gen_ai.input.messages"), StringComparison.Ordinal);
        var tool = spans.Single(span => span.Name == "execute_tool bash").Attributes;
        Assert.Contains("echo", tool.Text("gen_ai.tool.call.arguments"), StringComparison.Ordinal);
        Assert.Contains(Answer, tool.Text("gen_ai.tool.call.result"), StringComparison.Ordinal);
        Assert.Contains(spans, span => span.Attributes.Text("gen_ai.output.messages") == """[{"role":"assistant","parts":[{"type":"text","content":"done"}]}]""");
        Assert.DoesNotContain(Key, collector.Everything, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sampling_ByTheStandardVariables_IsFollowedByAll()
    {
        await using var collector = await OtlpReceiver.StartAsync();
        await using var model = await ToolCallingModel.StartAsync("true");
        var settings = collector.Settings("grpc");
        settings["OTEL_TRACES_SAMPLER"] = "parentbased_traceidratio";
        settings["OTEL_TRACES_SAMPLER_ARG"] = "0";
        await RunAsync(settings, model);

        Assert.Empty(collector.Spans);
        Assert.NotEmpty(collector.Metrics);
        Assert.All(model.TraceParents, header => Assert.EndsWith("-00", header, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Context_OfACallerWhereNothingIsExported_StillReachesTheModelAndTheTool()
    {
        const string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        await using var model = await ToolCallingModel.StartAsync("echo $TRACEPARENT > trace");
        var run = await RunAsync(new() { ["TRACEPARENT"] = $"00-{trace}-00f067aa0ba902b7-01" }, model);

        Assert.Equal(2, model.TraceParents.Count);
        Assert.All(model.TraceParents, header => Assert.StartsWith($"00-{trace}-", header, StringComparison.Ordinal));
        Assert.StartsWith($"00-{trace}-", run.TraceInTool, StringComparison.Ordinal);
    }

    /// <summary>Services, a spawn and a turn by the command, all of it ended again.</summary>
    private static async Task<Run> RunAsync(Dictionary<string, string> settings, ToolCallingModel model)
    {
        var services = await RunningServices.StartAsync(settings);
        var environment = new Dictionary<string, string>(settings.Concat(services.Environment)) { ["AGENTKERNEL_HOME"] = services.Home };
        try
        {
            var config = $$"""{"provider": "anthropic", "base_url": "{{model.Address}}", "api_key": "{{Key}}", "system_prompt": "be discreet"}""";
            var spawned = (await ProgramRun.RunAsync(Repository.Cli, ["spawn", "traced", "--spawn-info", config, "--json"], environment)).Succeeded();
            var id = (string)System.Text.Json.Nodes.JsonNode.Parse(spawned.Output)!["id"]!;
            var asked = (await ProgramRun.RunAsync(Repository.Cli, ["ask", "traced", Prompt], environment)).Succeeded();
            Assert.Contains("done", asked.Output, StringComparison.Ordinal);
            var credentials = await File.ReadAllTextAsync(Path.Combine(services.Home, "credentials"), Cancelled);
            var traceFile = Directory.EnumerateFiles(services.Home, "trace", SearchOption.AllDirectories).FirstOrDefault();
            var trace = traceFile is null ? "" : (await File.ReadAllTextAsync(traceFile, Cancelled)).Trim();
            var environmentFile = Directory.EnumerateFiles(services.Home, "environment", SearchOption.AllDirectories).FirstOrDefault();
            if (environmentFile is not null)
            {
                Assert.DoesNotContain("the-collectors-key", await File.ReadAllTextAsync(environmentFile, Cancelled), StringComparison.Ordinal);
            }

            (await ProgramRun.RunAsync(Repository.Cli, ["kill", "traced"], environment)).Succeeded();
            return new(id, trace, credentials, services.Token);
        }
        finally
        {
            await services.DisposeAsync(); // what was not sent yet is sent now
        }
    }

    private static void AssertParent((string Service, SpanRecord Span) parent, (string Service, SpanRecord Span) child) =>
        Assert.True(parent.Span.SpanId.Equals(child.Span.ParentSpanId), $"'{child.Span.Name}' of {child.Service} is not right below '{parent.Span.Name}' of {parent.Service}");

    private static string ParentOf(SpanRecord span) => $"00-{Hex(span.TraceId)}-{Hex(span.SpanId)}-01";

    private static string Hex(ByteString bytes) => Convert.ToHexStringLower(bytes.Span);

    private static void AssertMetrics(OtlpReceiver collector)
    {
        var metrics = collector.Metrics.GroupBy(metric => (metric.Service, metric.Metric.Name)).ToDictionary(group => group.Key, group => group.Last().Metric);
        var tokens = metrics[("openclaw", "gen_ai.client.token.usage")];
        Assert.Equal("{token}", tokens.Unit);
        Assert.Equal(GenAi.TokenBuckets.Select(bound => (double)bound), tokens.Histogram.DataPoints[0].ExplicitBounds);
        Assert.Equal(60, tokens.Histogram.DataPoints.Where(point => point.Attributes.Text("gen_ai.token.type") == "input").Sum(point => point.Sum));
        Assert.Equal(22, tokens.Histogram.DataPoints.Where(point => point.Attributes.Text("gen_ai.token.type") == "output").Sum(point => point.Sum));
        Assert.All(["gen_ai.client.operation.duration", "gen_ai.client.operation.time_to_first_chunk"], name =>
        {
            var metric = metrics[("openclaw", name)];
            Assert.Equal("s", metric.Unit);
            Assert.Equal(GenAi.DurationBuckets, metric.Histogram.DataPoints[0].ExplicitBounds);
            Assert.Equal(2UL, metric.Histogram.DataPoints.Aggregate(0UL, (sum, point) => sum + point.Count));
            Assert.Equal("anthropic", metric.Histogram.DataPoints[0].Attributes.Text("gen_ai.provider.name"));
        });

        var spawn = metrics[("agentkernel-spawner", "agentkernel.spawn.duration")];
        Assert.Equal(("s", "local", "cold"), (spawn.Unit, spawn.Histogram.DataPoints[0].Attributes.Text("agentkernel.backend"), spawn.Histogram.DataPoints[0].Attributes.Text("agentkernel.spawn.path")));
        Assert.Contains(("agentkernel-spawner", "agentkernel.agents"), metrics.Keys);
        Assert.Equal(0, metrics[("agentkernel-gateway", "agentkernel.turns.running")].Sum.DataPoints[0].AsInt);
        Assert.Equal(1UL, metrics[("agentkernel-gateway", "agentkernel.turn.time_to_first_event")].Histogram.DataPoints[0].Count);
        Assert.InRange(metrics[("agentkernel-gateway", "agentkernel.turn.events")].Sum.DataPoints[0].AsInt, 3, 100);
        Assert.Equal("By", metrics[("agentkernel-gateway", "agentkernel.turn.bytes")].Unit);
    }

    private static void AssertNothingSecret(OtlpReceiver collector, Run run)
    {
        var everything = collector.Everything;
        Assert.NotEmpty(collector.Logs);
        Assert.Contains(collector.Logs, log => log.Log.TraceId.Length == 16 && log.Log.Attributes.Text("AgentId") == run.AgentId);
        var nonce = System.Text.Json.JsonElement.Parse(run.Credentials).GetRawText();
        string[] secrets = [Key, Prompt, "be discreet", run.Token, "the-collectors-key", "a-service-token-of-the-tests", .. SecretsIn(nonce)];
        Assert.All(secrets, secret => Assert.DoesNotContain(secret, everything, StringComparison.Ordinal));
    }

    // Every long word of the credentials file that is no id: the nonces.
    private static IEnumerable<string> SecretsIn(string credentials) =>
        System.Text.RegularExpressions.Regex.Matches(credentials, "[A-Za-z0-9_-]{40,}", System.Text.RegularExpressions.RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Select(match => match.Value);

    private sealed record Run(string AgentId, string TraceInTool, string Credentials, string Token);
}
