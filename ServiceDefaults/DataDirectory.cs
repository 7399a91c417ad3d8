using System.Text;
using AgentKernel.ServiceDefaults.Access;

namespace AgentKernel.ServiceDefaults;

/// <summary>
/// The folder that holds all that survives a kernel: <c>AGENTKERNEL_HOME</c>, by default <c>~/.agentkernel</c>. Only its
/// owner can enter it (mode 0700).
/// </summary>
public sealed class DataDirectory
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string HomeVariable = "AGENTKERNEL_HOME";

    /// <summary>The environment variable that sets the operator's token.</summary>
    public const string TokenVariable = "AGENTKERNEL_TOKEN";

    /// <summary>The environment variable that sets the services' token.</summary>
    public const string ServiceTokenVariable = "AGENTKERNEL_SERVICE_TOKEN";

    private const UnixFileMode OwnerOnlyFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnerOnlyFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Uses, and makes where it is missing, the folder at <paramref name="path"/> or the default one.</summary>
    public DataDirectory(string? path = null)
    {
        Path = System.IO.Path.GetFullPath(path is { Length: > 0 } ? path : DefaultPath);
        CreateFolder(Path);
    }

    /// <summary>Its absolute path.</summary>
    public string Path { get; }

    /// <summary>Where the folder is unless a caller says otherwise.</summary>
    public static string DefaultPath => Environment.GetEnvironmentVariable(HomeVariable) is { Length: > 0 } home
        ? home
        : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".agentkernel");

    /// <summary>The path of something in the folder.</summary>
    public string Combine(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Makes a folder that only its owner can enter; one that exists is left as it is.</summary>
    public static void CreateFolder(string path) => Directory.CreateDirectory(path, OwnerOnlyFolder);

    /// <summary>Removes a folder and all in it, also what is read-only, as images are; one that is not there is no error.</summary>
    public static void DeleteFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            return;
        }

        var folders = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = false };
        File.SetUnixFileMode(path, OwnerOnlyFolder);
        foreach (var inner in Directory.EnumerateDirectories(path, "*", folders))
        {
            File.SetUnixFileMode(inner, OwnerOnlyFolder);
        }

        Directory.Delete(path, recursive: true);
    }

    /// <summary>The operator's token: from the environment, else the one kept here, made at first use.</summary>
    public string OperatorToken() =>
        Environment.GetEnvironmentVariable(TokenVariable) is { Length: > 0 } token ? token : KeptSecret("operator-token");

    /// <summary>The services' token: from <c>AGENTKERNEL_SERVICE_TOKEN</c>, else the one kept here, made at first use.</summary>
    public string ServiceToken() =>
        Environment.GetEnvironmentVariable(ServiceTokenVariable) is { Length: > 0 } token ? token : KeptSecret("service-token");

    /// <summary>Writes a file that only its owner can read, whole or not at all: a crash leaves the old one.</summary>
    /// <param name="durable">
    /// Whether that holds when the power fails too, which costs a flush to the disk: then there is the old file or the new
    /// one. Otherwise the new one may be empty.
    /// </param>
    public static void WriteAtomically(string path, ReadOnlySpan<byte> content, bool durable = false)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var file = new FileStream(temporary, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = OwnerOnlyFile,
                BufferSize = 0,
            }))
            {
                file.Write(content);
                if (durable)
                {
                    file.Flush(flushToDisk: true);
                }
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private string KeptSecret(string name)
    {
        var path = Combine(name);
        if (!File.Exists(path))
        {
            // Two services that start together must end with one secret: the first link wins, the other reads it.
            var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
            WriteAtomically(temporary, Encoding.ASCII.GetBytes(SecretToken.Create() + "\n"), durable: true);
            try
            {
                File.Move(temporary, path, overwrite: false);
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(temporary);
            }
        }

        return File.ReadAllText(path).Trim();
    }
}
