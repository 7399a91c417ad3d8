using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>
/// A program <c>docker-credential-NAME</c> that keeps credentials: it gets the registry's name on its standard input and
/// answers with JSON (the protocol of docker-credential-helpers).
/// </summary>
internal static class CredentialHelper
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Null when it keeps none for the registry.</summary>
    public static async Task<RegistryCredential?> AskAsync(string helper, string registry, CancellationToken cancellationToken)
    {
        if (helper.AsSpan().ContainsAny('/', '\0'))
        {
            throw Failed(helper, "its name has a slash");
        }

        using var process = new Process
        {
            StartInfo = new($"docker-credential-{helper}", ["get"])
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            },
        };
        Inherit(process.StartInfo.Environment);
        try
        {
            process.Start();
        }
        catch (Win32Exception missing)
        {
            throw Failed(helper, missing.Message);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Longest);
        try
        {
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.StandardInput.WriteLineAsync(registry.AsMemory(), limit.Token);
            process.StandardInput.Close();
            var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await errors;
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? Read(helper, output)
                : output.Contains("not found", StringComparison.OrdinalIgnoreCase) ? null
                : throw Failed(helper, $"it ended with exit code {process.ExitCode}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed(helper, $"it took longer than {Longest.TotalSeconds:0} seconds");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    /// <summary>What a helper needs to find its store, and no key of an agent's.</summary>
    private static void Inherit(IDictionary<string, string?> environment)
    {
        foreach (var name in environment.Keys.ToArray())
        {
            if (name is not ("PATH" or "HOME" or "USER" or "LANG" or "XDG_RUNTIME_DIR" or "XDG_CONFIG_HOME" or "DBUS_SESSION_BUS_ADDRESS" or "GNUPGHOME" or "DOCKER_CONFIG"))
            {
                environment.Remove(name);
            }
        }
    }

    private static RegistryCredential Read(string helper, string output)
    {
        try
        {
            if (JsonNode.Parse(output) is JsonObject answer && (string?)answer["Username"] is { } user && (string?)answer["Secret"] is { } secret)
            {
                return new(user, secret);
            }
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // Not repeated: what it printed may be half a secret.
        }

        throw Failed(helper, "it did not answer with Username and Secret");
    }

    private static RegistryException Failed(string helper, string why) =>
        new(RegistryFailure.Unauthorized, $"the credential helper docker-credential-{helper} failed: {why}");
}
