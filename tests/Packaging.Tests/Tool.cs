using System.Diagnostics;

namespace AgentKernel.Packaging.Tests;

/// <summary>Programs of others, which judge what this project made.</summary>
internal static class Tool
{
    /// <summary>The path of a program; a test without it is skipped, and fails where the build owns the machine.</summary>
    public static string Find(string name)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (path is null)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", $"{name} is not installed");
            Assert.Fail($"{name} is not installed, and CI is to have it");
        }

        return path;
    }

    /// <summary>Runs it to its end and answers what it printed. It fails the test by failing.</summary>
    public static async Task<string> RunAsync(string name, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Find(name), arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(Patience.Token), process.StandardError.ReadToEndAsync(Patience.Token));
            await process.WaitForExitAsync(Patience.Token);
            Assert.True(process.ExitCode == 0, $"{name} {string.Join(' ', arguments)}: exit code {process.ExitCode}\n{await output}\n{await errors}");
            return await output;
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
