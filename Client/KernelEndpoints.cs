using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Client;

/// <summary>Where a running kernel listens. It writes this to <c>endpoints.json</c> in its data directory.</summary>
/// <param name="Http">HTTP/1.1: turns as server-sent events, Connect.</param>
/// <param name="Grpc">HTTP/2: gRPC.</param>
public sealed record KernelEndpoints(
    [property: JsonPropertyName("http")] Uri Http,
    [property: JsonPropertyName("grpc")] Uri Grpc)
{
    private const string FileName = "endpoints.json";

    /// <summary>Reads where the kernel of this data directory listens; null where none has been started, or it has shut down.</summary>
    /// <exception cref="InvalidDataException">The file is not what a kernel writes.</exception>
    public static KernelEndpoints? Read(DataDirectory home)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(home.Combine(FileName)), EndpointsJson.Default.KernelEndpoints);
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

    /// <summary>Takes it back.</summary>
    public static void Delete(DataDirectory home) => File.Delete(home.Combine(FileName));
}

[JsonSerializable(typeof(KernelEndpoints))]
internal sealed partial class EndpointsJson : JsonSerializerContext;
