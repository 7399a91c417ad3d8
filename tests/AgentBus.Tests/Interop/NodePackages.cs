using System.ComponentModel;
using System.Diagnostics;

namespace AgentKernel.AgentBus.Tests.Interop;

/// <summary>The npm packages that the tests check us against.</summary>
internal static class NodePackages
{
    private static readonly TimeSpan InstallLimit = TimeSpan.FromMinutes(5);

    /// <summary>Installs what a folder's lock file names. Skips the test where there is no node; where CI owns the tools, that is a failure.</summary>
    public static async Task RequireAsync(string folder)
    {
        foreach (var program in new[] { "node", "npm" })
        {
            try
            {
                await RunAsync(program, ["--version"], folder, Patience.Limit);
            }
            catch (Win32Exception exception)
            {
                Assert.False(Environment.GetEnvironmentVariable("CI") == "true", exception.Message);
                Assert.Skip($"{program} cannot be started: {exception.Message}");
            }
        }

        var installed = new FileInfo(Path.Combine(folder, "node_modules", ".package-lock.json"));
        if (!installed.Exists || installed.LastWriteTimeUtc < File.GetLastWriteTimeUtc(Path.Combine(folder, "package-lock.json")))
        {
            await RunAsync("npm", ["ci", "--no-audit", "--no-fund"], folder, InstallLimit);
        }
    }

    /// <summary>Runs a program to its end and returns what it printed. A failure shows what it complained of.</summary>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, string folder, TimeSpan limit)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!; // null only for shell execution
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(limit);
        try
        {
            var errors = process.StandardError.ReadToEndAsync(patience.Token);
            var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}:\n{await errors}");
            return output;
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
