using System.Text.Json;
using System.Text.Json.Serialization;
using AgentKernel.Egress;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// What an agent may reach out of its sandbox. Kept beside its configuration, with the model's key, so that a later
/// kernel can let it go on.
/// </summary>
internal sealed record EgressGrant(IReadOnlyList<string> Allow, ModelGrant? Model)
{
    private const string File = "egress.json";

    /// <summary>What the request says.</summary>
    /// <exception cref="AgentStartException">The model's endpoint or key is malformed.</exception>
    public static EgressGrant Of(AgentSpec spec)
    {
        var model = ModelGrant.Of(spec, Environment.GetEnvironmentVariable);
        try
        {
            _ = model is null ? null : ModelEndpoint.For(model.Provider, model.Endpoint, model.Credential);
        }
        catch (ArgumentException exception)
        {
            throw new AgentStartException(exception.Message.Split(" (Parameter")[0], exception);
        }

        return new([.. spec.Network.Allow, .. model is { Passed: true } ? [model.AllowEntry] : Array.Empty<string>()], model);
    }

    public void Save(string folder) => DataDirectory.WriteAtomically(Path.Combine(folder, File), JsonSerializer.SerializeToUtf8Bytes(this, EgressJson.Default.EgressGrant));

    /// <summary>Forgets it, after the agent's end.</summary>
    public static void Delete(string folder)
    {
        try
        {
            System.IO.File.Delete(Path.Combine(folder, File));
        }
        catch (DirectoryNotFoundException)
        {
            // It went with the folder.
        }
    }

    /// <summary>What was saved; null where nothing was.</summary>
    public static EgressGrant? Load(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize(System.IO.File.ReadAllBytes(Path.Combine(folder, File)), EgressJson.Default.EgressGrant);
        }
        catch (Exception exception) when (exception is IOException or JsonException)
        {
            return null;
        }
    }
}

[JsonSerializable(typeof(EgressGrant))]
internal sealed partial class EgressJson : JsonSerializerContext;
