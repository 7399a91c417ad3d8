using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentKernel.AgentRuntime.Tests.Agents;

/// <summary>The published program, started as a spawner starts it, with a workspace and a readiness socket of its own.</summary>
internal sealed partial class AgentProcess : IAsyncDisposable
{
    public const string AgentId = "5f0c2a53-8b51-4c8e-9a3e-0d6f0f9b7a11";
    public const string Token = "channel-token-for-tests-only";

    private static readonly string s_program = typeof(AgentProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "AgentRuntimeProgram").Value!;

    private readonly Process _process;
    private readonly TestFolder _folder;
    private bool _keepsFolder;
    private readonly Task<string> _stderr;

    private AgentProcess(Process process, TestFolder folder)
    {
        _process = process;
        _folder = folder;
        _stderr = process.StandardError.ReadToEndAsync();
    }

    public HttpClient Http { get; private set; } = null!;

    public int Id => _process.Id;

    public string Workspace => Path.Join(_folder.Path, "workspace");

    public string SocketPath => Path.Join(_folder.Path, "agent.sock");

    public static JsonObject Scripted(params (string Key, JsonNode? Value)[] more) => Config([("provider", "scripted"), .. more]);

    public static JsonObject Config(params (string Key, JsonNode? Value)[] keys)
    {
        var config = new JsonObject();
        foreach (var (key, value) in keys)
            config[key] = value;
        return config;
    }

    /// <summary>Starts an agent on a unix socket and waits until it says that it is ready.</summary>
    public static Task<AgentProcess> StartAsync(JsonObject config, params (string Name, string Value)[] environment) =>
        StartAsync(config, abstractNotify: false, environment);

    public static Task<AgentProcess> StartAsync(JsonObject config, bool abstractNotify, params (string Name, string Value)[] environment) =>
        StartAsync(config, new TestFolder(), abstractNotify, environment);

    /// <summary>Kills it as nothing can be caught, and starts it again in its folder, as a supervisor does.</summary>
    public async Task<AgentProcess> KillAndRestartAsync(JsonObject config, Func<Task>? meanwhile = null)
    {
        _process.Kill();
        await WaitForExitAsync();
        _keepsFolder = true;
        await DisposeAsync();
        if (meanwhile is not null)
            await meanwhile();
        return await StartAsync(config, _folder, abstractNotify: false, []);
    }

    private static async Task<AgentProcess> StartAsync(JsonObject config, TestFolder folder, bool abstractNotify, (string Name, string Value)[] environment)
    {
        using var notify = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        var address = abstractNotify ? $"@agent-test-{Guid.NewGuid()}" : Path.Join(folder.Path, "notify.sock");
        File.Delete(address);
        notify.Bind(new UnixDomainSocketEndPoint(abstractNotify ? $"\0{address[1..]}" : address));
        config["unix_socket"] = Path.Join(folder.Path, "agent.sock");
        var agent = new AgentProcess(Launch(config, folder, [.. environment, ("NOTIFY_SOCKET", address)]), folder);
        try
        {
            var message = new byte[100];
            var length = await Deadline.For(async stop => await notify.ReceiveAsync(message, SocketFlags.None, stop), () => $"ready: {agent.Output}", agent._process.WaitForExitAsync);
            Assert.Equal("READY=1", Encoding.UTF8.GetString(message, 0, length));
        }
        catch
        {
            await agent.DisposeAsync();
            throw;
        }
        agent.Http = Client(async stop =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(agent.SocketPath), stop);
            return new NetworkStream(socket, ownsSocket: true);
        });
        return agent;
    }

    /// <summary>Starts an agent on a loopback port that the system chooses.</summary>
    public static async Task<AgentProcess> StartOnPortAsync(JsonObject config)
    {
        var folder = new TestFolder();
        config["http_port"] = 0;
        var process = Launch(config, folder, []);
        var line = await Deadline.For(async stop => await process.StandardError.ReadLineAsync(stop), () => "the port on stderr");
        var port = int.Parse(line!.AsSpan(line!.LastIndexOf(':') + 1), CultureInfo.InvariantCulture);
        return new AgentProcess(process, folder)
        {
            Http = Client(async stop =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, port, stop);
                return new NetworkStream(socket, ownsSocket: true);
            }),
        };
    }

    /// <summary>Runs an agent that is expected not to start.</summary>
    public static async Task<(int ExitCode, string Stderr)> RunToExitAsync(JsonObject config)
    {
        using var folder = new TestFolder();
        if (!config.ContainsKey("unix_socket") && !config.ContainsKey("http_port"))
            config["unix_socket"] = Path.Join(folder.Path, "agent.sock");
        using var process = Launch(config, folder, []);
        var stderr = process.StandardError.ReadToEndAsync();
        await Deadline.For(process.WaitForExitAsync, () => "exit");
        return (process.ExitCode, await stderr);
    }

    public async Task<Reply> PostAsync(string path, JsonNode body) =>
        await SendAsync(HttpMethod.Post, path, new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"));

    public async Task<Reply> SendAsync(HttpMethod method, string path, HttpContent? content = null, string? bearer = Token)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (bearer is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        return await Deadline.For(async stop =>
        {
            using var response = await Http.SendAsync(request, stop);
            var text = await response.Content.ReadAsStringAsync(stop);
            return new Reply((int)response.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text), response.Content.Headers.Allow.ToArray());
        }, () => $"{method} {path}: {Output}");
    }

    /// <summary>Runs a turn to its end.</summary>
    public async Task<TurnResult> TurnAsync(string body)
    {
        await using var turn = await StartTurnAsync(body);
        return await turn.ReadToEndAsync();
    }

    public static JsonObject TurnRequest(string body) => new() { ["agent_id"] = AgentId, ["nonce"] = Token, ["body"] = body };

    /// <summary>Begins a turn, whose events are then read one by one. Disposing it hangs up.</summary>
    public async Task<RunningTurn> StartTurnAsync(string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/turn")
        {
            Content = new StringContent(TurnRequest(body).ToJsonString(), Encoding.UTF8, "application/json"),
        };
        var response = await Deadline.For(stop => Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop), () => $"the turn's headers: {Output}");
        if (response.StatusCode != HttpStatusCode.OK)
            Assert.Fail($"the turn was refused: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        return new RunningTurn(response, () => Output);
    }

    public async Task<IReadOnlyList<(string Role, string Content)>> HistoryAsync()
    {
        var reply = await PostAsync("/v1/history", new JsonObject());
        return reply.Body!["entries"]!.AsArray().Select(entry => ((string)entry!["role"]!, (string)entry["content"]!)).ToList();
    }

    public async Task<JsonNode> InfoAsync() => (await SendAsync(HttpMethod.Get, "/v1/info")).Body!;

    public void Signal(PosixSignal signal) => Assert.Equal(0, Kill(_process.Id, signal == PosixSignal.SIGINT ? 2 : 15));

    public async Task<int> WaitForExitAsync()
    {
        await Deadline.For(_process.WaitForExitAsync, () => "exit");
        return _process.ExitCode;
    }

    /// <summary>What it has printed; known once it has ended.</summary>
    public string Output => _stderr.IsCompletedSuccessfully ? _stderr.Result : "(the agent is running)";

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        if (!_process.HasExited)
        {
            Signal(PosixSignal.SIGTERM);
            await WaitForExitAsync();
        }
        await _stderr;
        _process.Dispose();
        if (!_keepsFolder)
            _folder.Dispose();
    }

    private static Process Launch(JsonObject config, TestFolder folder, (string Name, string Value)[] environment)
    {
        config["agent_id"] ??= AgentId;
        config["nonce"] ??= Token;
        config["name"] ??= "tester";
        config["agent_type"] ??= "openclaw";
        var file = Path.Join(folder.Path, "config.json");
        File.WriteAllText(file, config.ToJsonString());
        var start = new ProcessStartInfo(s_program, ["--config", file])
        {
            WorkingDirectory = Directory.CreateDirectory(Path.Join(folder.Path, "workspace")).FullName,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment.Clear();
        foreach (var name in (string[])["PATH", "HOME", "DOTNET_ROOT"])
        {
            if (Environment.GetEnvironmentVariable(name) is { } value)
                start.Environment[name] = value;
        }
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static HttpClient Client(Func<CancellationToken, ValueTask<Stream>> connect) => new(new SocketsHttpHandler
    {
        ConnectCallback = (_, stop) => connect(stop),
        UseProxy = false,
        // Hanging up means hanging up: by default the handler first reads on for two seconds.
        ResponseDrainTimeout = TimeSpan.Zero,
    })
    {
        BaseAddress = new Uri("http://agent"),
    };

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int id, int signal);
}

internal sealed record Reply(int Status, JsonNode? Body, string[] Allow)
{
    public string? Error => (string?)Body?["error"];
}
