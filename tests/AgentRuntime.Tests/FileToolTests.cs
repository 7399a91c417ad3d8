using System.Text.Json;
using System.Text.Json.Nodes;
using AgentKernel.AgentRuntime.Tests.Vendors;

namespace AgentKernel.AgentRuntime.Tests;

/// <summary>read, write and edit, called by a model as they are in life.</summary>
public sealed class FileToolTests
{
    private static readonly AnthropicWire s_wire = new();

    [Fact]
    public async Task Files_WriteEditRead_WorkTogether()
    {
        await using var world = await World.StartAsync();
        Assert.Equal(("Wrote 15 bytes to 'a/b/notes.txt'.", false), await world.CallAsync("write", new { path = "a/b/notes.txt", content = "one\ntwö\nthree\n" }));
        Assert.Equal(("Edited 'a/b/notes.txt'.", false), await world.CallAsync("edit", new { path = "a/b/notes.txt", old_text = "twö\n", new_text = "2\n2.5\n" }));
        Assert.Equal(("one\n2\n2.5\nthree\n", false), await world.CallAsync("read", new { path = "a/b/notes.txt" }));
        Assert.Equal(("2\n[cut before line 3; go on with offset 3]", false), await world.CallAsync("read", new { path = "a/b/notes.txt", offset = 2, limit = 1 }));
        Assert.Equal(("2.5\nthree\n", false), await world.CallAsync("read", new { path = "a/b/notes.txt", offset = 3 }));
        Assert.Equal("one\n2\n2.5\nthree\n", await File.ReadAllTextAsync(world.InWorkspace("a/b/notes.txt"), TestContext.Current.CancellationToken));
        Assert.Single(Directory.GetFiles(world.InWorkspace("a/b")));
    }

    [Fact]
    public async Task Write_ExistingFile_KeepsItsMode()
    {
        await using var world = await World.StartAsync();
        var script = world.InWorkspace("script");
        await File.WriteAllTextAsync(script, "old", TestContext.Current.CancellationToken);
        const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        File.SetUnixFileMode(script, Executable);
        await world.CallAsync("write", new { path = "script", content = "new" });
        Assert.Equal(("new", Executable), (await File.ReadAllTextAsync(script, TestContext.Current.CancellationToken), File.GetUnixFileMode(script)));
    }

    [Theory]
    [InlineData("../outside.txt")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/../../outside.txt")]
    [InlineData("link/outside.txt")]
    [InlineData("linked.txt")]
    [InlineData("dangling")]
    [InlineData("link/new/file.txt")]
    [InlineData("")]
    public async Task Files_OutsideTheWorkspace_AreRefusedByEveryTool(string path)
    {
        await using var world = await World.StartAsync();
        var outside = Path.GetDirectoryName(world.InWorkspace(""))!;
        outside = Path.GetDirectoryName(outside.TrimEnd('/'))!;
        var victim = Path.Join(outside, "outside.txt");
        await File.WriteAllTextAsync(victim, "secret", TestContext.Current.CancellationToken);
        Directory.CreateDirectory(world.InWorkspace("sub"));
        Directory.CreateSymbolicLink(world.InWorkspace("link"), outside);
        File.CreateSymbolicLink(world.InWorkspace("linked.txt"), victim);
        File.CreateSymbolicLink(world.InWorkspace("dangling"), Path.Join(outside, "created.txt"));
        foreach (var (tool, input) in new (string, object)[]
        {
            ("read", new { path }), ("write", new { path, content = "x" }), ("edit", new { path, old_text = "secret", new_text = "x" }),
        })
        {
            var (output, isError) = await world.CallAsync(tool, input);
            Assert.True(isError, $"{tool}: {output}");
            Assert.DoesNotContain("secret", output, StringComparison.Ordinal);
        }
        Assert.Equal("secret", await File.ReadAllTextAsync(victim, TestContext.Current.CancellationToken));
        Assert.False(File.Exists(Path.Join(outside, "created.txt")));
        Assert.False(Directory.Exists(Path.Join(outside, "new")));
    }

    [Fact]
    public async Task Files_LinkWithinTheWorkspace_IsFollowed()
    {
        await using var world = await World.StartAsync();
        await File.WriteAllTextAsync(world.InWorkspace("real.txt"), "content\n", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(world.InWorkspace("alias.txt"), "real.txt");
        Assert.Equal(("content\n", false), await world.CallAsync("read", new { path = "alias.txt" }));
        Assert.Equal(("content\n", false), await world.CallAsync("read", new { path = world.InWorkspace("real.txt") }));
    }

    [Fact]
    public async Task Files_Trouble_IsToldInWordsForTheModel()
    {
        await using var world = await World.StartAsync();
        await File.WriteAllBytesAsync(world.InWorkspace("binary"), [0xff, 0xfe, 0x00], TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(world.InWorkspace("twice.txt"), "a b a", TestContext.Current.CancellationToken);
        await using (var large = File.Create(world.InWorkspace("large")))
            large.SetLength(10 * 1024 * 1024 + 1);
        using var pipe = new LifeLine(world.Agent);

        foreach (var (tool, input, expected) in new (string, object, string)[]
        {
            ("read", new { path = "missing.txt" }, "'missing.txt' does not exist."),
            ("read", new { path = "." }, "'.' is a directory."),
            ("read", new { path = "binary" }, "'binary' is not UTF-8 text."),
            ("read", new { path = "large" }, "'large' has 10485761 bytes; the limit is 10485760."),
            ("read", new { path = "lifeline" }, "'lifeline' is not a regular file."),
            ("read", new { path = "twice.txt", offset = 5 }, "'twice.txt' has fewer than 5 lines."),
            ("read", new { path = 5 }, "'path' is missing or not a string."),
            ("read", new { path = "twice.txt", offset = "1" }, "'offset' must be a whole number"),
            ("write", new { path = "x" }, "'content' is missing or not a string."),
            ("write", new { path = ".", content = "" }, "'.' is a directory."),
            ("edit", new { path = "twice.txt", old_text = "a", new_text = "c" }, "more than once"),
            ("edit", new { path = "twice.txt", old_text = "z", new_text = "c" }, "does not stand in 'twice.txt'"),
            ("edit", new { path = "twice.txt", old_text = "", new_text = "c" }, "'old_text' is empty"),
            ("bash", new { command = new string('x', 100_001) }, "'command' is longer than 100000 bytes"),
            ("bash", new { command = "true", timeout = 0 }, "'timeout' must be a whole number from 1 to 3600"),
        })
        {
            var (output, isError) = await world.CallAsync(tool, input);
            Assert.True(isError, output);
            Assert.Contains(expected, output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Read_LongFileAndLongLine_AreCut()
    {
        await using var world = await World.StartAsync();
        await File.WriteAllLinesAsync(world.InWorkspace("lines"), Enumerable.Range(1, 3_000).Select(i => $"line {i}"), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(world.InWorkspace("wide"), new string('x', 200_000) + "\nnext\n", TestContext.Current.CancellationToken);
        var (lines, _) = await world.CallAsync("read", new { path = "lines" });
        Assert.EndsWith("line 2000\n[cut before line 2001; go on with offset 2001]", lines, StringComparison.Ordinal);
        var (wide, _) = await world.CallAsync("read", new { path = "wide" });
        Assert.StartsWith(new string('x', 100_000) + "\n[line 1 has 200000 characters; the rest of it was cut]\n", wide, StringComparison.Ordinal);
    }

    /// <summary>An agent with all tools, and a model that calls what the test says.</summary>
    private sealed class World(FakeModel model, AgentProcess agent) : IAsyncDisposable
    {
        private int _calls;

        public AgentProcess Agent => agent;

        public static async Task<World> StartAsync()
        {
            var model = await FakeModel.StartAsync();
            return new World(model, await AgentProcess.StartAsync(AgentProcess.Config(
                ("provider", "anthropic"), ("api_key", "k"), ("base_url", model.Url), ("tools", new JsonArray("bash", "read", "write", "edit")))));
        }

        public string InWorkspace(string path) => Path.Join(agent.Workspace, path);

        public async Task<(string Output, bool IsError)> CallAsync(string tool, object input)
        {
            model.Answer(s_wire.Calls(($"c{++_calls}", tool, JsonSerializer.Serialize(input))));
            model.Answer(s_wire.Text("ok"));
            var result = (await agent.TurnAsync("go")).Succeeded().Of("tool_result").Single();
            return ((string)result["output"]!, (bool)result["is_error"]!);
        }

        public async ValueTask DisposeAsync()
        {
            await agent.DisposeAsync();
            await model.DisposeAsync();
        }
    }
}
