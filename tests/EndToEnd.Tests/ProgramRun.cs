using System.Diagnostics;
using System.Text;

namespace AgentKernel.EndToEnd.Tests;

/// <summary>A program that was run to its end.</summary>
internal sealed record ProgramRun(int ExitCode, string Output, string Error)
{
    /// <summary>Runs a program with this environment and no other, and waits for its end.</summary>
    public static async Task<ProgramRun> RunAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? input = null)
    {
        var start = new ProcessStartInfo(program)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        CleanEnvironment.Apply(start, environment);
        using var process = Process.Start(start)!;
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new(process.ExitCode, await output, await error);
    }

    /// <summary>The run, if it succeeded; otherwise the test fails with all that it said.</summary>
    public ProgramRun Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\nstdout: {Output}\nstderr: {Error}");
        return this;
    }
}

/// <summary>The environment of programs under test: nothing of a developer's keys or settings gets in.</summary>
internal static class CleanEnvironment
{
    private static readonly string[] Kept = ["PATH", "HOME", "LANG", "DOTNET_ROOT", "TMPDIR"];

    public static void Apply(ProcessStartInfo start, IReadOnlyDictionary<string, string>? added)
    {
        foreach (var name in start.Environment.Keys.Except(Kept).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in added ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }
    }
}
