using AgentKernel.AgentRuntime.Conversation;
using AgentKernel.AgentRuntime.Providers;
using AgentKernel.AgentRuntime.Telemetry;
using Microsoft.AspNetCore.Http;

namespace AgentKernel.AgentRuntime.Server;

/// <summary>The agent contract: its routes, and the one place where a refusal becomes a status.</summary>
internal sealed class Contract(Agent agent, AgentTelemetry telemetry)
{
    private readonly Inspection _inspection = new(agent);
    private readonly Control _control = new(agent);

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await RouteAsync(context);
        }
        catch (RequestException e)
        {
            await JsonReply.WriteAsync(context, e.Status, json => json.WriteString("error", e.Message));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for an answer.
        }
        catch (BadHttpRequestException e)
        {
            await JsonReply.WriteAsync(context, e.StatusCode, json => json.WriteString("error", "the request is malformed"));
        }
    }

    private Task RouteAsync(HttpContext context) => (context.Request.Path.Value, context.Request.Method) switch
    {
        ("/health", "GET") => _inspection.HealthAsync(context),
        ("/health", _) => throw Only("GET", context),
        ("/v1/turn", "POST") => TurnAsync(context),
        ("/v1/turn", _) => throw Only("POST", context),
        ("/v1/history", "POST") => _inspection.HistoryAsync(context),
        ("/v1/history", _) => throw Only("POST", context),
        ("/v1/control", "POST") => _control.HandleAsync(context),
        ("/v1/control", _) => throw Only("POST", context),
        ("/v1/info", "GET" or "POST") => _inspection.InfoAsync(context),
        ("/v1/info", _) => throw Only("GET, POST", context),
        _ => throw new RequestException(StatusCodes.Status404NotFound,
            "unknown path; this agent has /health, /v1/turn, /v1/history, /v1/control and /v1/info"),
    };

    private static RequestException Only(string methods, HttpContext context)
    {
        context.Response.Headers.Allow = methods;
        return new RequestException(StatusCodes.Status405MethodNotAllowed, $"{context.Request.Path} takes {methods}");
    }

    /// <summary>Reads a request that is authorised by a header or by a field of its body.</summary>
    public static async Task<RequestDocument> ReadAuthorizedAsync(HttpContext context, string token)
    {
        var document = await RequestDocument.ReadAsync(context.Request, context.RequestAborted);
        try
        {
            RequestDocument.Authorize(BearerToken(context.Request) ?? document.Text("nonce"), token);
            return document;
        }
        catch
        {
            document.Dispose();
            throw;
        }
    }

    private async Task TurnAsync(HttpContext context)
    {
        TurnInput input;
        using (var document = await RequestDocument.ReadAsync(context.Request, context.RequestAborted))
        {
            RequestDocument.Authorize(document.Text("nonce"), agent.Config.ChannelToken);
            if (document.RequiredText("agent_id") != agent.Config.AgentId)
                throw new RequestException(StatusCodes.Status400BadRequest, "agent_id is not this agent's");
            input = ReadInput(document.RequiredText("body"));
        }
        if (ModelProviders.Missing(agent.Config.Model) is { } missing)
            throw new RequestException(StatusCodes.Status503ServiceUnavailable, missing);

        using var gone = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, agent.Stopping);
        using var pass = await agent.TryEnterAsync(gone.Token)
            ?? throw new RequestException(StatusCodes.Status409Conflict, "a turn is already running");
        if (await agent.RecoverAsync(gone.Token) is { } problem)
            throw new RequestException(StatusCodes.Status503ServiceUnavailable, problem);
        await telemetry.Listening;
        using var span = telemetry.BeginTurn(HeaderOf(context, "traceparent"), HeaderOf(context, "tracestate"));
        EventStream? stream = null;
        try
        {
            await agent.RunTurnAsync(pass, input, span, () => (stream = new EventStream(context)).WriteAsync);
        }
        catch (TurnInputException e)
        {
            AgentTelemetry.Fail(span, "invalid_input");
            throw new RequestException(StatusCodes.Status400BadRequest, e.Message);
        }
        finally
        {
            stream?.Dispose();
        }
    }

    private TurnInput ReadInput(string body)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(body) > RequestDocument.MaxTurnBody)
            throw RequestDocument.TooLarge();
        try
        {
            return TurnInput.Parse(body, agent.Config.TransportFormat);
        }
        catch (TurnInputException e)
        {
            throw new RequestException(StatusCodes.Status400BadRequest, e.Message);
        }
    }

    private static string? HeaderOf(HttpContext context, string name) => context.Request.Headers[name] is { Count: > 0 } values ? values.ToString() : null;

    private static string? BearerToken(HttpRequest request)
    {
        const string Scheme = "Bearer ";
        return request.Headers.Authorization.ToString() is var header && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? header[Scheme.Length..].Trim()
            : null;
    }
}
