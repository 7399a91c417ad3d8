using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;
using AgentKernel.Contracts.V1;
using Spectre.Console;

namespace AgentKernel.Cli.Commands;

/// <summary><c>images</c>: what agents can be spawned with.</summary>
internal static class ImagesCommand
{
    private static readonly Argument<string> Image = new("IMAGE") { Description = "A name, or an id with all its names" };
    private static readonly Option<bool> All = new("--all") { Description = "Also images with a name that no agent uses" };

    public static Command Create()
    {
        var prune = new Command("prune", "Removes images without a name and blobs that nothing is made of; never what an agent uses.") { All };
        prune.SetAction(PruneAsync);
        var remove = new Command("rm", "Removes an image, unless an agent uses it.") { Image };
        remove.SetAction(RemoveAsync);
        var images = new Command("images", "Lists the images that agents can be spawned with.") { prune, remove };
        images.SetAction(ListAsync);
        return images;
    }

    private static async Task<int> ListAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var images = await connection.Kernel.Packaging.ListAsync(cancellationToken);
        if (new Output(command).Json)
        {
            Output.WriteJson(new JsonObject { ["images"] = new JsonArray([.. images.Select(Output.ToJson)]) });
            return 0;
        }

        var table = new Table().Border(TableBorder.None).AddColumns("NAME", "ID", "BUNDLES", "FILES", "SIZE", "MADE");
        foreach (var image in images)
        {
            table.AddRow(new[]
            {
                string.Join(", ", image.Names),
                image.Id[..19],
                string.Join(", ", image.Bundles.Select(bundle => $"{bundle.Name} ({bundle.Type})")),
                $"{image.Files}",
                $"{image.SizeBytes / 1024.0:0.#} KiB",
                $"{image.CreatedAt.ToDateTimeOffset():yyyy-MM-dd HH:mm}",
            }.Select(cell => Markup.Escape(cell)).ToArray());
        }

        AnsiConsole.Write(table);
        return 0;
    }

    private static async Task<int> PruneAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var pruned = await connection.Kernel.Packaging.PruneAsync(command.GetValue(All), cancellationToken);
        new Output(command).Write(pruned, $"{pruned.Images.Count} images and {pruned.Blobs} blobs are gone, {pruned.FreedBytes} bytes.");
        return 0;
    }

    private static async Task<int> RemoveAsync(ParseResult command, CancellationToken cancellationToken)
    {
        using var connection = KernelConnection.Open(command);
        var image = command.GetRequiredValue(Image);
        await connection.Kernel.Packaging.DeleteAsync(image, cancellationToken);
        new Output(command).Write(new DeleteImageResponse(), $"{image} is gone.");
        return 0;
    }
}
