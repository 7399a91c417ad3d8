using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace AgentKernel.Spawner.Backends.Local;

/// <summary>Asks a starting program <c>GET /health</c> until it answers 200 for the right agent.</summary>
internal static class HealthProbe
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);
    private const int MaxAnswerBytes = 64 * 1024;

    /// <summary>
    /// Returns when the agent is ready. What it answers in the meantime goes to <paramref name="onRefused"/>, so that a
    /// start that times out can say what was wrong.
    /// </summary>
    /// <param name="prepare">Runs before each question; returns why it cannot be asked yet, or null.</param>
    public static async Task WaitAsync(AgentEndpoint endpoint, string agentId, Func<string?> prepare, Action<string> onRefused, TimeProvider time, CancellationToken cancellationToken)
    {
        using var client = new HttpClient(CreateHandler(endpoint)) { BaseAddress = endpoint.Http ?? new Uri("http://agent/"), Timeout = AnswerTimeout, MaxResponseContentBufferSize = MaxAnswerBytes };
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                if (prepare() is { } unprepared)
                {
                    onRefused(unprepared);
                    await Task.Delay(pause, time, cancellationToken);
                    continue;
                }

                using var response = await client.GetAsync(new Uri("/health", UriKind.Relative), cancellationToken);
                var problem = await ProblemAsync(response, agentId, cancellationToken);
                if (problem is null)
                {
                    return;
                }

                onRefused(problem);
            }
            catch (HttpRequestException exception)
            {
                if (exception.InnerException is not SocketException)
                {
                    // It listens, and speaks something else.
                    onRefused($"GET /health was not answered in HTTP of at most {MaxAnswerBytes} bytes");
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                onRefused($"GET /health was not answered within {AnswerTimeout.TotalSeconds} s");
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private static async Task<string?> ProblemAsync(HttpResponseMessage response, string agentId, CancellationToken cancellationToken)
    {
        if (response.StatusCode is not HttpStatusCode.OK)
        {
            return $"GET /health was answered with status {(int)response.StatusCode}";
        }

        try
        {
            using var document = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancellationToken), default, cancellationToken);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("agent_id", out var id) && id.ValueKind == JsonValueKind.String && id.ValueEquals(agentId)
                ? null
                : "GET /health was answered without this agent's agent_id";
        }
        catch (JsonException)
        {
            return "GET /health was answered with something that is not JSON";
        }
    }

    private static SocketsHttpHandler CreateHandler(AgentEndpoint endpoint) => new()
    {
        UseProxy = false,
        AllowAutoRedirect = false, // a program must not send the kernel elsewhere
        ConnectCallback = endpoint.UnixSocket is not { } path ? null : async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };
}
