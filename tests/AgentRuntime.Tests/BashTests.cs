namespace AgentKernel.AgentRuntime.Tests;

public sealed class BashTests
{
    private static async Task<string> RunAsync(AgentProcess agent, string command) => (await agent.TurnAsync($"run: {command}")).Succeeded().ToolOutput;

    [Fact]
    public async Task Bash_Cd_StaysFromCallToCall()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        await RunAsync(agent, "mkdir -p 'a dir/b' && cd 'a dir/b'; false");
        Assert.Equal($"{agent.Workspace}/a dir/b\n", await RunAsync(agent, "pwd"));
        await RunAsync(agent, "cd .. && rmdir b && exit 0");
        Assert.Equal($"{agent.Workspace}/a dir\n", await RunAsync(agent, "pwd"));
        // The folder goes away under it: back to the workspace.
        await RunAsync(agent, "rmdir '../a dir'");
        Assert.Equal($"{agent.Workspace}\n", await RunAsync(agent, "pwd"));
    }

    [Fact]
    public async Task Bash_Output_IsInOrderAndHasTheExitCode()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        Assert.Equal("1\n2\n3\n[exit code 7]", await RunAsync(agent, "echo 1; echo 2 >&2; echo 3; exit 7"));
        Assert.Equal("(no output)", await RunAsync(agent, "true"));
        Assert.Equal("[exit code 143]", await RunAsync(agent, "kill $$"));
        Assert.Contains("syntax error", await RunAsync(agent, "if"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bash_LongOutput_IsCutInTheMiddle()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var output = await RunAsync(agent, "echo begin; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo end");
        Assert.StartsWith("begin\nxxx", output, StringComparison.Ordinal);
        Assert.EndsWith("xxx\nend\n", output, StringComparison.Ordinal);
        Assert.InRange(output.Length, 30_000, 30_100);
        Assert.Contains($"[… {50_000_000 + 11 - 30_000} characters cut …]", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bash_MultiByteOutput_IsDecodedWhole()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        var text = string.Concat(Enumerable.Repeat("aé漢😀", 2_000));
        Assert.Equal(text, await RunAsync(agent, $"printf %s '{text}'"));
    }

    [Fact]
    public async Task Bash_BackgroundProcess_DoesNotHoldUpTheCallAndLives()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        Assert.Equal("started\n", await RunAsync(agent, "sleep 10000 & echo $! >pid; echo started"));
        Assert.Equal("alive\n", await RunAsync(agent, "kill -0 $(cat pid) && echo alive"));
    }

    [Fact]
    public async Task Bash_Pipeline_EndsWithItsReader()
    {
        // With SIGPIPE ignored, as .NET leaves it to its children, this would not end.
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        Assert.Equal("x\n", await RunAsync(agent, "while true; do echo x; done | head -1"));
    }

    [Fact]
    public async Task Bash_Input_IsEmpty()
    {
        await using var agent = await AgentProcess.StartAsync(AgentProcess.Scripted());
        Assert.Equal("0\n", await RunAsync(agent, "wc -c"));
    }

    [Fact]
    public async Task Bash_Environment_HasNoSecrets()
    {
        await using var agent = await AgentProcess.StartAsync(
            AgentProcess.Scripted(("api_key", "key-in-config-1")),
            ("LLM_API_KEY", "secret-key-1"), ("OPENAI_API_KEY", "secret-key-2"), ("ANTHROPIC_API_KEY", "secret-key-3"),
            ("ANTHROPIC_BASE_URL", "http://secret-4"), ("AGENTKERNEL_TOKEN", "secret-5"), ("COPY", "x=key-in-config-1"),
            ("AGENTKERNEL_AGENT_ID", "the-id"), ("GREETING", "hello"));
        var output = await RunAsync(agent, "env");
        Assert.DoesNotContain("COPY=", output, StringComparison.Ordinal);
        // The parent's environment too, as the system shows it to the same user.
        output += await RunAsync(agent, "tr '\\0' '\\n' </proc/$PPID/environ; tr '\\0' '\\n' </proc/$PPID/cmdline");
        Assert.DoesNotContain("secret", output, StringComparison.Ordinal);
        Assert.DoesNotContain("NOTIFY_SOCKET=/", output, StringComparison.Ordinal);
        Assert.DoesNotContain(AgentProcess.Token, output, StringComparison.Ordinal);
        Assert.Contains("AGENTKERNEL_AGENT_ID=the-id\n", output, StringComparison.Ordinal);
        Assert.Contains("GREETING=hello\n", output, StringComparison.Ordinal);
    }
}
