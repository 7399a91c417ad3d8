using System.CommandLine;
using AgentKernel.Cli.Terminal;
using AgentKernel.Contracts.V1;

namespace AgentKernel.Cli.Commands;

/// <summary><c>package</c>: makes agent images.</summary>
internal static class PackageCommand
{
    private static readonly string[] Types = ["helpers", "skill", "data"];

    private static readonly Argument<string> Agent = AgentArgument.Create();
    private static readonly Argument<string> Name = new("NAME") { Description = "The image's name: 1 to 63 of a-z, 0-9, -, _ and ." };
    private static readonly Option<string[]> Bundles = new("--bundle")
    {
        Description = "A folder or file to put in, under its own name or another; helpers are found by PATH and PYTHONPATH [default type: helpers]",
        HelpName = "[NAME=]DIR[:helpers|skill|data]",
        Required = true,
    };

    private static readonly Option<bool> Push = new("--push") { Description = "Makes an OCI image as well and pushes it to the registry of the settings" };
    private static readonly Option<string?> Base = new("--base") { Description = "The OCI image that the bundles are laid over", HelpName = "REFERENCE" };
    private static readonly Option<bool> Dependencies = new("--dependencies") { Description = "Installs what the bundles' requirements.txt and package.json ask for" };

    public static Command Create()
    {
        var build = new Command("build", "Uploads what the kernel has not got yet, and makes an image of it for 'spawn --image'.") { Name, Bundles, Push, Base, Dependencies };
        build.SetAction(BuildAsync);
        var load = new Command("load", "Loads folders into an agent that runs already.") { Agent, Bundles };
        load.SetAction(LoadAsync);
        return new Command("package", "Ships code to agents once: makes images of folders.") { build, load };
    }

    private static async Task<int> BuildAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var output = new Output(command);
        var bundles = command.GetRequiredValue(Bundles).Select(Parse).ToList();
        var request = new CreateAgentImageRequest
        {
            Name = command.GetRequiredValue(Name),
            BaseImage = command.GetValue(Base) ?? "",
            Dependencies = command.GetValue(Dependencies),
            Push = command.GetValue(Push),
        };
        using var connection = KernelConnection.Open(command);
        foreach (var (path, name, type) in bundles)
        {
            var blob = await BlobCommand.UploadAsync(connection.Kernel, output, path, cancellationToken);
            request.Bundles.Add(new Bundle { Uri = blob.Uri, Labels = new() { Name = name, Type = type } });
        }

        var image = await output.WhileAsync($"Making {request.Name} …", progress => connection.Kernel.Packaging.CreateImageAsync(
            request,
            new Told(change =>
            {
                foreach (var line in change.LogLines)
                {
                    output.Remark(line);
                }

                progress($"Making {request.Name}: {change.Job.Stage.ToString().ToLowerInvariant()}");
            }),
            cancellationToken));
        output.Write(image, $"{request.Name} {image.Id}{(image.Reference.Length > 0 ? $"\n{image.Reference}" : "")}");
        return 0;
    }

    private static async Task<int> LoadAsync(ParseResult command, CancellationToken cancellationToken)
    {
        var output = new Output(command);
        using var connection = KernelConnection.Open(command);
        var agent = await connection.FindOwnedAsync(command.GetRequiredValue(Agent), cancellationToken);
        foreach (var (path, name, type) in command.GetRequiredValue(Bundles).Select(Parse))
        {
            if (!Directory.Exists(path))
            {
                throw new UsageException($"there is no folder '{path}'");
            }

            var place = await output.WhileAsync($"Loading {name} …", () => connection.Kernel.Agents.LoadBundleAsync(agent, path, name, type, cancellationToken));
            output.Write(new Bundle { Labels = new() { Name = name, Type = type } }, $"{name} is loaded, at {place}");
        }

        return 0;
    }

    private static (string Path, string Name, string Type) Parse(string text)
    {
        var (path, type) = (text, "helpers");
        if (text.LastIndexOf(':') is > 0 and var colon && Types.Contains(text[(colon + 1)..]))
        {
            (path, type) = (text[..colon], text[(colon + 1)..]);
        }

        if (path.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals && !path[..equals].Contains('/', StringComparison.Ordinal))
        {
            return (path[(equals + 1)..], path[..equals], type);
        }

        return (path, Path.GetFileName(Path.GetFullPath(path).TrimEnd('/')).ToLowerInvariant(), type);
    }

    private sealed class Told(Action<WatchJobResponse> tell) : IProgress<WatchJobResponse>
    {
        public void Report(WatchJobResponse value) => tell(value);
    }
}
