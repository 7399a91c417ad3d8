using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;
using AgentKernel.Client;

namespace AgentKernel.Cli.Commands;

/// <summary><c>blob</c>: content that bundles and setup scripts are made of.</summary>
internal static class BlobCommand
{
    private static readonly Argument<string> Source = new("PATH") { Description = "A file, or a folder, which is sent as a tar" };
    private static readonly Argument<string> Address = new("URI") { Description = "blob://sha256:…" };
    private static readonly Option<string?> Target = new("--output", "-o") { Description = "Where to write it [default: standard output]", HelpName = "FILE" };

    public static Command Create()
    {
        var put = new Command("put", "Uploads a file or a folder, unless the kernel has it already, and prints its address.") { Source };
        put.SetAction(PutAsync);
        var get = new Command("get", "Downloads a blob.") { Address, Target };
        get.SetAction(GetAsync);
        return new Command("blob", "Content under its digest: what bundles and setup scripts are made of.") { put, get };
    }

    /// <summary>Uploads a file or a folder and shows how far it is.</summary>
    /// <exception cref="UsageException">There is no such file or folder.</exception>
    public static Task<Blob> UploadAsync(AgentKernelClient kernel, Output output, string path, CancellationToken cancellationToken)
    {
        var isFolder = Directory.Exists(path);
        if (!isFolder && !File.Exists(path))
        {
            throw new UsageException($"there is no file or folder '{path}'");
        }

        return output.WhileAsync($"Uploading {path} …", progress =>
        {
            var told = new Told(sent => progress($"Uploading {path}: {sent.Bytes * 100 / Math.Max(1, sent.TotalBytes)} % of {sent.TotalBytes / 1024} KiB"));
            return isFolder ? kernel.Blobs.UploadDirectoryAsync(path, told, cancellationToken) : kernel.Blobs.UploadFileAsync(path, told, cancellationToken);
        });
    }

    private static async Task<int> PutAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var output = new Output(command);
        using var connection = KernelConnection.Open(command);
        var blob = await UploadAsync(connection.Kernel, output, command.GetRequiredValue(Source), cancellationToken);
        if (output.Json)
        {
            Output.WriteJson(new JsonObject { ["uri"] = blob.Uri, ["size"] = blob.Size, ["sent"] = blob.Sent });
        }
        else
        {
            Console.Out.WriteLine(blob.Uri);
        }

        return 0;
    }

    private static async Task<int> GetAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var uri = command.GetRequiredValue(Address);
        if (command.GetValue(Target) is not { } path)
        {
            await using var standardOutput = Console.OpenStandardOutput();
            await connection.Kernel.Blobs.DownloadAsync(uri, standardOutput, cancellationToken);
            return 0;
        }

        var aside = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            await using (var file = File.Create(aside))
            {
                await connection.Kernel.Blobs.DownloadAsync(uri, file, cancellationToken);
            }

            File.Move(aside, path, overwrite: true);
            return 0;
        }
        finally
        {
            File.Delete(aside);
        }
    }

    private sealed class Told(Action<UploadProgress> tell) : IProgress<UploadProgress>
    {
        public void Report(UploadProgress value) => tell(value);
    }
}
