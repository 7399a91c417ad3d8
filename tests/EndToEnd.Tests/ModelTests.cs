using System.Net;
using System.Net.Sockets;
using System.Text;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>From the caller through the whole kernel to a model's HTTP endpoint, by the vendor's own SDK.</summary>
public abstract class ModelTests(IKernelFixture fixture)
{
    private const string Key = "sk-ant-test-0123456789abcdef";

    private readonly ITestKernel _kernel = fixture.Kernel;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Turn_LeftByItsCaller_EndsTheRequestToTheModel()
    {
        using var model = new TcpListener(IPAddress.Loopback, 0);
        model.Start();
        var agent = await _kernel.SpawnAsync("modelled", $$"""{"provider": "anthropic", "base_url": "http://{{model.LocalEndpoint}}", "api_key": "{{Key}}"}""");

        await using var turn = _kernel.Client.Agents.TurnAsync(agent, "Tell me a long story.", Cancelled).GetAsyncEnumerator(Cancelled);
        var first = turn.MoveNextAsync();
        using var connection = await model.AcceptTcpClientAsync(Cancelled);
        await using var stream = connection.GetStream();
        var request = await ReadUntilAsync(stream, "Tell me a long story.");
        Assert.StartsWith("POST /v1/messages", request, StringComparison.Ordinal);
        Assert.Contains(Key, request, StringComparison.Ordinal);
        await BeginAnswerAsync(stream, "Once ");
        Assert.True(await first);
        Assert.Equal("Once ", turn.Current.Body);

        await turn.DisposeAsync(); // the caller goes away in the middle of the story

        // The model's server sees its client gone: the end of the stream, or a reset.
        Assert.Equal(0, await ReadToEndAsync(stream));
        await _kernel.Client.Spawner.KillAsync(agent, Cancelled);
    }

    [Fact]
    public async Task ModelAccess_WithoutSpawnInfo_SaysWhichModelAndKey()
    {
        using var model = new TcpListener(IPAddress.Loopback, 0);
        model.Start();
        var agent = await _kernel.Client.Spawner.SpawnAsync(new()
        {
            Name = "accessed",
            ModelAccess = new() { Provider = "anthropic", Endpoint = $"http://{model.LocalEndpoint}", Credential = Key },
        }, Cancelled);

        var turn = _kernel.Client.Agents.TurnAsync(agent, "hello model", Cancelled).FirstAsync(Cancelled);
        using var connection = await model.AcceptTcpClientAsync(Cancelled);
        await using var stream = connection.GetStream();
        Assert.Contains(Key, await ReadUntilAsync(stream, "hello model"), StringComparison.Ordinal);
        await BeginAnswerAsync(stream, "hello");
        Assert.Equal("hello", (await turn).Body);

        Assert.DoesNotContain(Key, _kernel.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, (await _kernel.CliAsync("logs", "accessed")).Succeeded().Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, (await _kernel.CliAsync("status", "--json")).Succeeded().Output, StringComparison.Ordinal);
        await _kernel.Client.Spawner.KillAsync(agent, Cancelled);
    }

    [Fact]
    public async Task Tool_OfAnAgentWithHostKeys_SeesNone()
    {
        await using var kernel = await RunningKernel.StartAsync(environment: new Dictionary<string, string> { ["LLM_API_KEY"] = Key, ["UNRELATED_SECRET"] = "host-only" });
        var agent = await kernel.SpawnAsync();

        var environment = await kernel.Client.AskAsync(agent, "run: env", Cancelled);

        Assert.Contains("HOME=", environment, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, environment, StringComparison.Ordinal);
        Assert.DoesNotContain("host-only", environment, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, kernel.Log, StringComparison.Ordinal);
    }

    internal static async Task<string> ReadUntilAsync(NetworkStream stream, string end)
    {
        var text = new StringBuilder();
        var buffer = new byte[16 * 1024];
        int read;
        while (!text.ToString().Contains(end, StringComparison.Ordinal) && (read = await stream.ReadAsync(buffer, Cancelled)) > 0)
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }

        return text.ToString();
    }

    private static async Task<int> ReadToEndAsync(NetworkStream stream)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await stream.ReadAsync(buffer, Cancelled) > 0)
            {
                // The rest of the request.
            }
        }
        catch (IOException exception) when (exception.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            // Gone in haste.
        }

        return 0;
    }

    // The beginning of an answer as the Anthropic Messages API streams it; it never ends.
    internal static async Task BeginAnswerAsync(NetworkStream stream, string text)
    {
        var events = """
            event: message_start
            data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1}}}

            event: content_block_start
            data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

            event: content_block_delta
            data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"$TEXT"}}


            """.ReplaceLineEndings("\n").Replace("$TEXT", text, StringComparison.Ordinal);
        var answer = $"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n{Encoding.UTF8.GetByteCount(events):x}\r\n{events}\r\n";
        await stream.WriteAsync(Encoding.UTF8.GetBytes(answer), Cancelled);
        await stream.FlushAsync(Cancelled);
    }
}

public sealed class ModelTestsInOneProcess(KernelFixture fixture) : ModelTests(fixture), IClassFixture<KernelFixture>;

public sealed class ModelTestsOfServices(ServicesFixture fixture) : ModelTests(fixture), IClassFixture<ServicesFixture>;

public sealed class ModelTestsInSandboxes(SandboxFixture fixture) : ModelTests(fixture), IClassFixture<SandboxFixture>;
