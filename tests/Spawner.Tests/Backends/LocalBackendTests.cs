using System.Globalization;
using System.Text.Json.Nodes;
using AgentKernel.Spawner.AgentTypes;
using AgentKernel.Spawner.Backends;
using AgentKernel.Spawner.Backends.Local;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>What is particular to agents that are subprocesses: what they are given, and what happens around them.</summary>
public sealed class LocalBackendTests : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);
    private readonly LocalFixture _local = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _local.Dispose();

    [Fact]
    public async Task Environment_OfAnAgent_IsTheAllowListAndNoMore()
    {
        var spec = _local.Spec(ShellAgent.Type("ready; released") with { Environment = new Dictionary<string, string> { ["OF_TYPE"] = "1" } });
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        var names = await File.ReadAllTextAsync($"/proc/{agent.Status["pid"]}/environ", Cancellation);
        var environment = names.TrimEnd('\0').Split('\0').Select(entry => entry.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        string[] optional = ["LANG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "LLM_API_KEY", "OPENAI_API_KEY"];
        Assert.Equal(
            ["AGENTKERNEL_AGENT_ID", "AGENTKERNEL_KERNEL_ID", "HOME", "NOTIFY_SOCKET", "OF_TYPE", "PATH", "PWD", "SECRET"],
            environment.Keys.Except(optional, StringComparer.Ordinal).Order(StringComparer.Ordinal));
        Assert.Equal(Path.Combine(spec.Folder, "workspace"), environment["HOME"]);
        Assert.Equal(environment["HOME"], environment["PWD"]);
        Assert.Equal(spec.AgentId, environment["AGENTKERNEL_AGENT_ID"]);
        await agent.StopAsync(Grace);
    }

    [Fact]
    public async Task Process_OfAnAgent_HasItsOwnSessionFolderSignalsAndDescriptors()
    {
        using var inheritable = File.OpenRead("/dev/null");
        var spec = _local.Spec(ShellAgent.Type("ready; released"));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        var pid = int.Parse(agent.Status["pid"], CultureInfo.InvariantCulture);
        Assert.Equal(pid, ProcessStat.Read(pid)?.Session);
        Assert.Equal(Path.Combine(spec.Folder, "workspace"), File.ResolveLinkTarget($"/proc/{pid}/cwd", returnFinalTarget: false)?.FullName);

        var status = (await File.ReadAllLinesAsync($"/proc/{pid}/status", Cancellation)).Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0], pair => pair[1].Trim());
        const ulong internals = 0x180000000; // signals 32 and 33, which glibc keeps for itself and posix_spawn(3) sets to ignored
        Assert.Equal(0UL, ulong.Parse(status["SigIgn"], NumberStyles.HexNumber, CultureInfo.InvariantCulture) & ~internals);
        Assert.Equal("0000000000000000", status["SigBlk"]);

        // The shell's own end of the FIFO that it is waiting at is 0, which it opens for read alone.
        var descriptors = Directory.EnumerateFiles($"/proc/{pid}/fd").Select(Path.GetFileName).Where(name => int.Parse(name!, CultureInfo.InvariantCulture) < 10).Order(StringComparer.Ordinal);
        Assert.Equal(["0", "1", "2"], descriptors);
        await agent.StopAsync(Grace);
    }

    [Fact]
    public async Task Config_OfAnAgent_IsWholeAndItsOwnersAlone()
    {
        var spec = _local.Spec(ShellAgent.Type("cp \"$2\" seen.json; ready; released"));
        spec.Config["prompt"] = "höher";
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        var path = Path.Combine(spec.Folder, "config.json");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(spec.Folder));
        var seen = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(spec.Folder, "workspace", "seen.json"), Cancellation))!;
        Assert.Equal((spec.AgentId, "höher", agent.Endpoint.UnixSocket), ((string?)seen["agent_id"], (string?)seen["prompt"], (string?)seen["unix_socket"]));
        await agent.StopAsync(Grace);
    }

    [Fact]
    public async Task Socket_InADeepDataDirectory_HasAShortPath()
    {
        using var deep = new LocalFixture(homePathLength: 150);
        var spec = deep.Spec(ShellAgent.Type(Behaviour.Idle));
        var agent = await deep.NewKernel().StartAsync(spec, Cancellation);
        Assert.InRange(agent.Endpoint.UnixSocket!.Length, 1, 107);
        Assert.True(deep.Home.Path.Length >= 150);
        var again = await deep.NewKernel().ReattachAsync(spec, agent.SavedState.Clone(), Cancellation);
        Assert.Equal(agent.Endpoint, again!.Endpoint);
        await again.StopAsync(Grace);
        Assert.Empty(deep.Leftovers(spec));
    }

    [Fact]
    public void SocketFolder_ThatOthersCanEnter_IsLeftForAnother()
    {
        using var deep = new LocalFixture(homePathLength: 150);
        _ = deep.NewKernel();
        var (link, opened) = (Path.Combine(deep.Home.Path, "run"), new FileInfo(Path.Combine(deep.Home.Path, "run")).LinkTarget!);
        _ = deep.NewKernel();
        Assert.Equal(opened, new FileInfo(link).LinkTarget);
        File.SetUnixFileMode(opened, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute);
        _ = deep.NewKernel();
        Assert.NotEqual(opened, new FileInfo(link).LinkTarget);
        Directory.Delete(opened);
    }

    [Fact]
    public async Task Kill_OfTheShim_TakesTheAgentWithIt()
    {
        var spec = _local.Spec(ShellAgent.Type(Behaviour.LeavesChildren));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        _ = NativeMethods.Kill(ShimOf(agent), NativeMethods.SigKill);
        var end = await EndAsync(agent, spec);
        Assert.Equal((null, null, null), (end.Code, end.Signal, end.Leftover));
        Assert.Contains("exit status", end.Describe(), StringComparison.Ordinal);
        Assert.Empty(_local.Leftovers(spec));
    }

    [Fact]
    public async Task Stop_OfAnAgentThatHasStoppedItsShim_EndsBoth()
    {
        var spec = _local.Spec(ShellAgent.Type("kill -STOP $PPID; ready; released; released"));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        await agent.StopAsync(TimeSpan.Zero);
        var end = await EndAsync(agent, spec);
        Assert.Equal((null, null, null), (end.Code, end.Signal, end.Leftover));
        Assert.Empty(_local.Leftovers(spec));
    }

    [Fact]
    public async Task End_OfAnAgentWhoseSocketCannotBeRemoved_IsToldAllTheSame()
    {
        var spec = _local.Spec(ShellAgent.Type("ready; released; exit 3"));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        Directory.CreateDirectory(Path.Combine(agent.Endpoint.UnixSocket!, "in-the-way"));
        _local.Release(spec);
        var end = await EndAsync(agent, spec);
        Assert.Equal((3, "its socket could not be removed"), (end.Code, end.Leftover));
        Directory.Delete(agent.Endpoint.UnixSocket!, recursive: true);
    }

    [Fact]
    public async Task Kill_OfTheAgent_IsToldWithItsSignal()
    {
        var spec = _local.Spec(ShellAgent.Type(Behaviour.LeavesChildren));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        _ = NativeMethods.Kill(int.Parse(agent.Status["pid"], CultureInfo.InvariantCulture), NativeMethods.SigKill);
        Assert.Equal(9, (await EndAsync(agent, spec)).Signal);
        Assert.Empty(_local.Leftovers(spec));
    }

    [Theory]
    [InlineData("exit 0", 0, null)]
    [InlineData("exit 255", 255, null)]
    [InlineData("kill -SEGV $$", null, 11)]
    [InlineData("kill -PIPE $$", null, 13)]
    [InlineData("kill -INT $$", null, 2)]
    public async Task ExitStatus_OfEachKind_IsToldAsItWas(string ending, int? code, int? signal)
    {
        var spec = _local.Spec(ShellAgent.Type($"ready; released; {ending}"));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        _local.Release(spec);
        var end = await EndAsync(agent, spec);
        Assert.Equal((code, signal), (end.Code, end.Signal));
    }

    [Fact]
    public async Task Start_ThatTheSystemRefuses_LeavesNoLogger()
    {
        // One string of an environment may have 128 KiB (execve(2)).
        var spec = _local.Spec(ShellAgent.Type("ready") with { Environment = new Dictionary<string, string> { ["BIG"] = new('x', 200_000) } });
        var failure = await Assert.ThrowsAsync<AgentStartException>(() => _local.NewKernel().StartAsync(spec, Cancellation));
        Assert.Contains("Argument list too long", failure.Message, StringComparison.Ordinal);
        Assert.Empty(_local.Leftovers(spec));
        Assert.DoesNotContain(spec.Folder, LoggerFolders());
    }

    [Fact]
    public async Task Start_WithACommandThatIsMissing_SaysWhichAndWhy()
    {
        var missing = await Assert.ThrowsAsync<AgentStartException>(() => StartAsync("no-such-program"));
        Assert.Equal("agent type 'broken' is started with 'no-such-program', and it is not on PATH", missing.Message);
        var noFile = await Assert.ThrowsAsync<AgentStartException>(() => StartAsync("/no/such-program"));
        Assert.Contains("there is no such file", noFile.Message, StringComparison.Ordinal);
        var notExecutable = await Assert.ThrowsAsync<AgentStartException>(() => StartAsync("/etc/passwd"));
        Assert.Contains("exited with code 126 before it was ready", notExecutable.Message, StringComparison.Ordinal);

        Task StartAsync(string program) => _local.NewKernel().StartAsync(_local.Spec(new AgentType { Name = "broken", Command = [program], Ready = AgentReadiness.Notify }), Cancellation);
    }

    [Fact]
    public async Task Log_ThatCannotBeWritten_DoesNotHoldUpOrEndTheAgent()
    {
        var spec = _local.Spec(ShellAgent.Type(Behaviour.Floods));
        // Folders in the place of both files, which mv cannot get out of the way.
        Directory.CreateDirectory(Path.Combine(spec.Folder, AgentLog.PreviousFile, AgentLog.CurrentFile, "in-the-way"));
        Directory.CreateDirectory(Path.Combine(spec.Folder, AgentLog.CurrentFile, "in-the-way"));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        _local.Release(spec);
        var end = await EndAsync(agent, spec);
        Assert.Equal((0, ""), (end.Code, end.OutputTail));
    }

    [Fact]
    public async Task Tail_ThatBeginsInsideASecret_DoesNotShowTheRestOfIt()
    {
        // 4 KiB before the end lie in the middle of the secret.
        var spec = _local.Spec(ShellAgent.Type("ready; released; echo \"$SECRET\"; head -c 4080 /dev/zero | tr '\\0' x"));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        _local.Release(spec);
        var end = await EndAsync(agent, spec);
        Assert.DoesNotContain("may-see", end.OutputTail, StringComparison.Ordinal);
        Assert.InRange(end.OutputTail.Length, 4080, 4096);
    }

    [Fact]
    public async Task Log_FollowedAcrossRotations_LosesNothingToAReaderThatKeepsUp()
    {
        var spec = _local.Spec(ShellAgent.Type("ready; released; seq 1 4000000; released"));
        var agent = await _local.NewKernel().StartAsync(spec, Cancellation);
        var reader = ReadNumbersAsync();
        _local.Release(spec);
        await Waiting.ForAsync(reader, "4,000,000 lines", () => string.Join('\n', Directory.GetFiles(spec.Folder)));
        await agent.StopAsync(Grace);

        async Task ReadNumbersAsync()
        {
            long expected = 1, number = 0;
            await foreach (var piece in agent.ReadLogAsync(0, follow: true, Cancellation))
            {
                foreach (var value in piece.ToArray())
                {
                    if (value != '\n')
                    {
                        number = (number * 10) + (value - '0');
                        continue;
                    }

                    Assert.Equal(expected, number);
                    (expected, number) = (expected + 1, 0);
                }

                if (expected > 4_000_000)
                {
                    return;
                }
            }
        }
    }

    private static int ShimOf(IAgentHandle agent) => agent.SavedState.GetProperty("Process").GetProperty("Shim").GetProperty("Pid").GetInt32();

    private Task<AgentEnd> EndAsync(IAgentHandle agent, AgentSpec spec) => Waiting.ForAsync(
        agent.Completion, $"the end of {spec.AgentId}", () => string.Join('\n', _local.Leftovers(spec).Append(ShimmedStart.Tail(spec))));

    private static IEnumerable<string?> LoggerFolders() => Directory.EnumerateDirectories("/proc").Select(folder =>
    {
        try
        {
            return File.ResolveLinkTarget(Path.Combine(folder, "cwd"), returnFinalTarget: false)?.FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null; // gone, or another user's
        }
    });
}
