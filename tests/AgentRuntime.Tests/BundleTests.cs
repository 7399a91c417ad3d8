using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using AgentKernel.AgentRuntime.Tests.Vendors;

namespace AgentKernel.AgentRuntime.Tests;

public sealed class BundleTests
{
    private const string Skill =
        """
        ---
        name: tides
        description: >
          How to compute tides.
          Use it for anything with water.
        license: none
        ---
        # The secret body
        """;

    [Fact]
    public async Task Image_Helpers_AreFoundAndSkillsAreListed()
    {
        using var image = new TestImage(("tools", "helpers"), ("sea", "skill"));
        image.Write("tools/bin/greet", "#!/bin/sh\necho greetings\n", executable: true);
        image.Write("tools/lookup", "#!/bin/sh\necho found\n", executable: true);
        image.Write("tools/module.py", "VALUE = 42\n");
        image.Write("sea/SKILL.md", Skill);
        image.Write("sea/broken/SKILL.md", "no front matter");
        var agent = await AgentProcess.StartAsync(AgentProcess.Scripted(("image_path", image.Path)));

        var turn = (await agent.TurnAsync("run: greet; lookup; echo $PYTHONPATH; cat " + image.Path + "/bundles/sea/SKILL.md")).Succeeded();
        Assert.Contains("greetings\nfound\n" + image.Path + "/bundles/tools\n", turn.Text, StringComparison.Ordinal);
        Assert.Contains("The secret body", turn.Text, StringComparison.Ordinal);

        var listed = (await agent.PostAsync("/v1/control", Control(("operation", "list_skills")))).Body!["skills"]!.AsArray();
        var skill = Assert.Single(listed)!;
        Assert.Equal(("tides", "How to compute tides. Use it for anything with water."), ((string)skill["name"]!, (string)skill["description"]!));
        Assert.Equal($"{image.Path}/bundles/sea/SKILL.md", (string)skill["path"]!);
        await agent.DisposeAsync(); // its log is known when it has ended
        Assert.Contains("a skill is left out: sea/broken/SKILL.md", agent.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_Skills_AreToldToTheModelByNameAndDescriptionAlone()
    {
        using var image = new TestImage(("sea", "skill"));
        image.Write("sea/SKILL.md", Skill);
        await using var model = await FakeModel.StartAsync();
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Config(
            ("provider", "anthropic"), ("api_key", "k"), ("base_url", model.Url), ("image_path", image.Path), ("system_prompt", "Be brief."), ("tools", new JsonArray("read"))));
        model.Answer(new AnthropicWire().Text("done"));
        (await agent.TurnAsync("hello")).Succeeded();
        var sent = model.Requests[0].Body.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        Assert.Contains("Be brief.", sent, StringComparison.Ordinal);
        Assert.Contains("tides: How to compute tides.", sent, StringComparison.Ordinal);
        Assert.Contains($"{image.Path}/bundles/sea/SKILL.md", sent, StringComparison.Ordinal);
        Assert.DoesNotContain("The secret body", sent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_RequirementsNotInstalled_AreToldInTheLog()
    {
        using var image = new TestImage(("tools", "helpers"));
        image.Write("tools/requirements.txt", "numpy\n");
        var agent = await AgentProcess.StartAsync(AgentProcess.Scripted(("image_path", image.Path)));
        await agent.DisposeAsync(); // its log is known when it has ended
        Assert.Contains("bundle tools has a requirements.txt; what it requires was not installed", agent.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_Missing_StopsTheStart()
    {
        var (exitCode, stderr) = await AgentProcess.RunToExitAsync(AgentProcess.Scripted(("image_path", "/nonexistent")));
        Assert.Equal(64, exitCode);
        Assert.Contains("image_path", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Setup_Script_RunsOnceInTheWorkspaceBeforeReady()
    {
        var agent = await AgentProcess.StartAsync(AgentProcess.Scripted(("setup_script", Base64("#!/bin/sh\necho preparing\npwd > where\n"))));
        Assert.Equal(agent.Workspace, (await File.ReadAllTextAsync(Path.Join(agent.Workspace, "where"), TestContext.Current.CancellationToken)).Trim());
        Assert.False(File.Exists(Path.Join(agent.Workspace, ".agentkernel", "setup")));
        await agent.DisposeAsync(); // its log is known when it has ended
        Assert.Contains("setup: preparing", agent.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Setup_ScriptFails_StopsTheStartWithItsOutput()
    {
        var (exitCode, stderr) = await AgentProcess.RunToExitAsync(AgentProcess.Scripted(("setup_script", Base64("echo no disk here >&2; exit 7"))));
        Assert.Equal(1, exitCode);
        Assert.Contains("setup: no disk here", stderr, StringComparison.Ordinal);
        Assert.Contains("ended with code 7", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LoadBundle_IntoARunningAgent_IsUsedFromTheNextCommandOn()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        Assert.Contains("not found", (await agent.TurnAsync("run: late")).Succeeded().Text, StringComparison.Ordinal);
        var loaded = await agent.PostAsync("/v1/control", Control(("operation", "load_bundle"), ("name", "more"), ("type", "helpers"),
            ("archive", Tar(("bin/late", "#!/bin/sh\necho better than never\n"), ("SKILL.md", Skill)))));
        Assert.Equal(200, loaded.Status);
        Assert.Contains("better than never", (await agent.TurnAsync("run: late")).Succeeded().Text, StringComparison.Ordinal);
        Assert.Single((await agent.PostAsync("/v1/control", Control(("operation", "list_skills")))).Body!["skills"]!.AsArray());

        var again = await agent.PostAsync("/v1/control", Control(("operation", "load_bundle"), ("name", "more"), ("type", "helpers"), ("archive", Tar(("bin/late", "#!/bin/sh\necho anew\n")))));
        Assert.Equal(200, again.Status);
        Assert.Contains("anew", (await agent.TurnAsync("run: late")).Succeeded().Text, StringComparison.Ordinal);
        Assert.Empty((await agent.PostAsync("/v1/control", Control(("operation", "list_skills")))).Body!["skills"]!.AsArray());
    }

    [Theory]
    [InlineData("../up", "helpers", null, "name must be")]
    [InlineData("ok", "code", null, "type must be")]
    [InlineData("ok", "data", "!!", "archive must be base64")]
    [InlineData("ok", "data", "../evil", "'..'")]
    public async Task LoadBundle_Bad_IsRefusedAndLeavesNothing(string name, string type, string? archive, string why)
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var refused = await agent.PostAsync("/v1/control", Control(("operation", "load_bundle"), ("name", name), ("type", type),
            ("archive", archive is null or "../evil" ? Tar((archive ?? "fine", "x")) : archive)));
        Assert.Equal(400, refused.Status);
        Assert.Contains(why, refused.Error, StringComparison.Ordinal);
        var folder = Path.Join(agent.Workspace, ".agentkernel", "bundles");
        Assert.True(!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any());
    }

    private static JsonObject Control(params (string Key, JsonNode Value)[] fields) =>
        new(fields.Select(field => KeyValuePair.Create(field.Key, (JsonNode?)field.Value)).Append(new("nonce", AgentProcess.Token)));

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static string Tar(params (string Name, string Content)[] files)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(gzip))
        {
            foreach (var (name, content) in files)
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)), Mode = (UnixFileMode)0b111_101_101 });
        }
        return Convert.ToBase64String(bytes.ToArray());
    }

    /// <summary>An image's folder, as the packaging service makes it.</summary>
    private sealed class TestImage : IDisposable
    {
        private readonly TestFolder _folder = new();

        public TestImage(params (string Name, string Type)[] bundles)
        {
            var manifest = new JsonObject
            {
                ["id"] = "sha256:00",
                ["bundles"] = new JsonArray([.. bundles.Select(bundle => new JsonObject { ["name"] = bundle.Name, ["type"] = bundle.Type, ["digest"] = "sha256:00" })]),
                ["dependencies_installed"] = false,
            };
            File.WriteAllText(System.IO.Path.Join(Path, "manifest.json"), manifest.ToJsonString());
        }

        public string Path => _folder.Path;

        public void Write(string name, string content, bool executable = false)
        {
            var path = System.IO.Path.Join(Path, "bundles", name);
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
            File.WriteAllText(path, content);
            File.SetUnixFileMode(path, executable ? (UnixFileMode)0b111_101_101 : (UnixFileMode)0b110_100_100);
        }

        public void Dispose() => _folder.Dispose();
    }
}
