using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Client;

/// <summary>Where a running kernel listens. It writes this to <c>endpoints.json</c> in its data directory.</summary>
/// <param name="Http">HTTP/1.1: turns as server-sent events, Connect.</param>
/// <param name="Grpc">HTTP/2: gRPC.</param>
/// <param name="ProcessId">The kernel's process.</param>
public sealed record KernelEndpoints(
    [property: JsonPropertyName("http")] Uri Http,
    [property: JsonPropertyName("grpc")] Uri Grpc,
    [property: JsonPropertyName("pid")] int ProcessId)
{
    private const string FileName = "endpoints.json";

    /// <summary>
    /// Reads where the kernel of this data directory listens; null where none runs. A kernel that was killed leaves its
    /// file behind: it counts for nothing once the process is gone, so that nobody who takes the port over is sent a token.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is not what a kernel writes.</exception>
    public static KernelEndpoints? Read(DataDirectory home)
    {
        var path = home.Combine(FileName);
        try
        {
            var endpoints = JsonSerializer.Deserialize(File.ReadAllBytes(path), EndpointsJson.Default.KernelEndpoints);
            return endpoints is not null && endpoints.IsServed(File.GetLastWriteTimeUtc(path)) ? endpoints : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{FileName} in {home.Path} is damaged; start the kernel again", exception);
        }
    }

    /// <summary>Tells where this kernel listens to whoever knows its data directory.</summary>
    public void Write(DataDirectory home) =>
        DataDirectory.WriteAtomically(home.Combine(FileName), JsonSerializer.SerializeToUtf8Bytes(this, EndpointsJson.Default.KernelEndpoints));

    // A process that got the id later was started after the file was written.
    private bool IsServed(DateTime written)
    {
        try
        {
            using var process = Process.GetProcessById(ProcessId);
            return process.StartTime.ToUniversalTime() <= written;
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            return false; // there is none, or it has just ended
        }
    }

    /// <summary>Takes it back.</summary>
    public static void Delete(DataDirectory home) => File.Delete(home.Combine(FileName));
}

[JsonSerializable(typeof(KernelEndpoints))]
internal sealed partial class EndpointsJson : JsonSerializerContext;
