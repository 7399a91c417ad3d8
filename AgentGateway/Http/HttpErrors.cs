using System.Buffers;
using AgentKernel.AgentGateway.Telemetry;
using System.Text.Json;
using AgentKernel.Rpc;
using AgentKernel.Rpc.Connect;

namespace AgentKernel.AgentGateway.Http;

/// <summary>The one place where an error becomes an HTTP answer: <c>{"error": "…", "code": "permission_denied"}</c>.</summary>
internal static class HttpErrors
{
    /// <summary>Runs a handler, and answers for it when it fails.</summary>
    /// <returns>The exception that has no meaning for the caller and must be logged; null where there is none.</returns>
    public static async Task<Exception?> GuardAsync(HttpContext http, Func<Task> handler)
    {
        try
        {
            await handler();
            return null;
        }
        catch (RpcException e)
        {
            GatewayTelemetry.Refused(e.Code, http.Request.Path.Value ?? "");
            await WriteAsync(http.Response, e.Code, e.Message);
            return null;
        }
        catch (BadHttpRequestException e)
        {
            await WriteAsync(http.Response, RpcStatusCode.InvalidArgument, "the request's body cannot be read", e.StatusCode);
            return null;
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            return null; // nobody is there to be told
        }
        catch (Exception e)
        {
            await WriteAsync(http.Response, RpcStatusCode.Internal, "internal error");
            return e;
        }
    }

    private static async Task WriteAsync(HttpResponse response, RpcStatusCode code, string message, int? status = null)
    {
        if (response.HasStarted)
        {
            response.HttpContext.Abort();
            return;
        }

        var body = new ArrayBufferWriter<byte>();
        await using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("error", message);
            json.WriteString("code", ConnectStatus.NameOf(code));
            json.WriteEndObject();
        }

        response.StatusCode = status ?? HttpStatusOf(code);
        response.ContentType = "application/json";
        response.ContentLength = body.WrittenCount;
        await response.BodyWriter.WriteAsync(body.WrittenMemory);
    }

    // As in the Connect protocol, with one difference: here it always means that something is too large.
    private static int HttpStatusOf(RpcStatusCode code) =>
        code == RpcStatusCode.ResourceExhausted ? StatusCodes.Status413PayloadTooLarge : ConnectStatus.HttpStatusOf(code);
}
