using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Tests.Backends;

/// <summary>Sandboxes made by a kernel that is not root, on a machine where the tests are.</summary>
public sealed class OrdinaryUserTests
{
    [Fact]
    public async Task Sandboxes_OfAnOrdinaryUser_KeepTheContractAndHold()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "this is an ordinary user already: the other tests say it");
        _ = Machine.Program("bwrap");
        var home = Directory.CreateTempSubdirectory("ak-user-").FullName;
        try
        {
            // The folder of these tests is bound where everybody can go: its parents may be root's alone.
            const string script =
                """
                mount -t tmpfs -o mode=755 none /mnt && mkdir /mnt/tests /mnt/home && mount --bind "$0" /mnt/tests && mount --bind "$1" /mnt/home && chown 65533:65533 /mnt/home &&
                cd /mnt/tests && exec setpriv --reuid 65533 --regid 65533 --clear-groups env HOME=/mnt/home TMPDIR=/mnt/home \
                    ./AgentKernel.Spawner.Tests --no-ansi --no-progress --filter-class '*BubblewrapBackend*' --filter-class '*EscapeTests' 2>&1
                """;
            var (read, write) = ProcessLauncher.CreatePipe();
            using var output = new StreamReader(new FileStream(read, FileAccess.Read, bufferSize: 0));
            using var watcher = new ProcessExitWatcher();
            Task ended;
            using (write)
            {
                var environment = new Dictionary<string, string> { ["PATH"] = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", ["DOTNET_ROOT"] = DotNetRoot(), ["CI"] = Environment.GetEnvironmentVariable("CI") ?? "" };
                ended = watcher.WatchAsync(ProcessLauncher.Start(new(
                    "/usr/bin/unshare", ["--mount", "--propagation", "private", "/bin/sh", "-c", script, AppContext.BaseDirectory, home], environment, "/", StandardOutput: write)));
            }

            var said = await output.ReadToEndAsync(TestContext.Current.CancellationToken);
            await Waiting.ForAsync(ended, "the end", () => said);
            Assert.True(said.Contains("Test run summary: Passed!", StringComparison.Ordinal) && said.Contains("succeeded: 1", StringComparison.Ordinal), said);
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    private static string DotNetRoot() => Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
}
