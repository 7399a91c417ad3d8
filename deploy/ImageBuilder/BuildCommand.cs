using System.CommandLine;
using AgentKernel.Packaging.Backends.Oci;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Layers;
using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.ImageBuilder;

/// <summary>The command line: layers, how the image is run, and where it goes. Prints the image's reference.</summary>
internal static class BuildCommand
{
    private static readonly Argument<string> Target = new("target") { Description = "REGISTRY/REPOSITORY[:TAG], oci:FOLDER:TAG or oci-archive:FILE:TAG." };
    private static readonly Option<string[]> Layer = new("--layer") { Description = "FILE.tar, taken as it is, or FOLDER=PATH, its content at that path in the image. In this order." };
    private static readonly Option<string?> Base = new("--base") { Description = "The image to build on." };
    private static readonly Option<string[]> Env = new("--env") { Description = "NAME=VALUE" };
    private static readonly Option<string[]> Entrypoint = new("--entrypoint") { Description = "The program to run; once more for each argument." };
    private static readonly Option<string?> User = new("--user") { Description = "UID:GID" };
    private static readonly Option<string?> WorkingDirectory = new("--workdir") { Description = "The folder to run it in." };
    private static readonly Option<string?> CertificateFile = new("--ca") { Description = "A PEM file of certificates to trust beside the system's." };

    public static RootCommand Create()
    {
        var command = new RootCommand("Builds an OCI image from tar archives and folders.") { Target, Layer, Base, Env, Entrypoint, User, WorkingDirectory, CertificateFile };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var request = new OciImageRequest(parsed.GetValue(Base), [.. (parsed.GetValue(Layer) ?? []).Select(ParseLayer)], ParseTarget(parsed.GetRequiredValue(Target)))
        {
            Settings = new()
            {
                Entrypoint = parsed.GetValue(Entrypoint) is { Length: > 0 } entrypoint ? entrypoint : null,
                User = parsed.GetValue(User),
                WorkingDirectory = parsed.GetValue(WorkingDirectory),
                Environment = (parsed.GetValue(Env) ?? []).Select(ParseVariable).ToDictionary(),
            },
        };
        var work = Directory.CreateTempSubdirectory("agentkernel-image-");
        try
        {
            var backend = new OciBackend(work.FullName, new RegistryOptions { CertificateFile = parsed.GetValue(CertificateFile) }, TimeProvider.System);
            var result = await backend.BuildAsync(request, new ErrorOutput(), cancellationToken);
            Console.WriteLine(result.Reference);
            return 0;
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    private static LayerSource ParseLayer(string text) => text.LastIndexOf('=') is var equals and > 0
        ? new FolderLayer(text[..equals], text[(equals + 1)..].Trim('/'), $"{Path.GetFileName(text[..equals])} at /{text[(equals + 1)..].Trim('/')}")
        : new TarLayer(text, Path.GetFileName(text));

    private static OciTarget ParseTarget(string text) => text.Split(':') switch
    {
        ["oci", var folder, var tag] => new OciTarget.Layout(Path.GetFullPath(folder), tag),
        ["oci-archive", var file, var tag] => new OciTarget.Archive(Path.GetFullPath(file), tag),
        _ => new OciTarget.Registry(ImageReference.Parse(text, "target")),
    };

    private static KeyValuePair<string, string> ParseVariable(string text) => text.IndexOf('=', StringComparison.Ordinal) is var equals and > 0
        ? new(text[..equals], text[(equals + 1)..])
        : throw new OciException($"--env '{text}': it must be NAME=VALUE");

    private sealed class ErrorOutput : IOciObserver
    {
        public void Moved(OciStage stage, long bytes)
        {
            // The lines say enough.
        }

        public void Said(string line) => Console.Error.WriteLine(line);
    }
}
