using System.Diagnostics;
using System.Text.RegularExpressions;

namespace AgentKernel.Benchmarks;

/// <summary>An empty docker-registry on a free port of loopback.</summary>
internal sealed partial class ImageRegistry : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly Process _process;
    private readonly Task _log;

    private ImageRegistry(DirectoryInfo folder, Process process, string address)
    {
        (_folder, _process, Address) = (folder, process, address);
        _log = Task.WhenAll(process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
    }

    public string Address { get; }

    public static async Task<ImageRegistry> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("agentkernel-registry-");
        var config = Path.Combine(folder.FullName, "config.yml");
        await File.WriteAllTextAsync(config, $"version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {folder.FullName}/store}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n");
        var process = Process.Start(new ProcessStartInfo("docker-registry", ["serve", config]) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false })!;
        while (await process.StandardError.ReadLineAsync() is { } line)
        {
            if (Listening().Match(line) is { Success: true } match)
            {
                return new(folder, process, match.Groups["address"].Value);
            }
        }

        throw new InvalidOperationException("docker-registry does not listen");
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        await _log;
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    [GeneratedRegex("listening on (?<address>127\\.0\\.0\\.1:[0-9]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Listening();
}
