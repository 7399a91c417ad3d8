using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentKernel.Packaging.Backends.Oci;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Layers;
using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.Benchmarks;

/// <summary>
/// A bundle of 2,000 files and 200 MB, put on a base image and pushed to an empty registry on loopback: by umoci and skopeo,
/// by this project in a running process, and by its program from a cold start. Each has a registry of its own.
/// </summary>
internal static class ImageBenchmark
{
    private const int Files = 2000;
    private const long Bytes = 200_000_000;
    private const int Rounds = 3;

    public static async Task<JsonObject> RunAsync()
    {
        var work = Directory.CreateTempSubdirectory("agentkernel-images-");
        try
        {
            var (bundle, small, layout) = (Path.Combine(work.FullName, "bundle"), Path.Combine(work.FullName, "small"), Path.Combine(work.FullName, "base"));
            var report = MakeBundle(bundle);
            Directory.CreateDirectory(small);
            await File.WriteAllTextAsync(Path.Combine(small, "file"), "small");
            await RunAsync("umoci", "init", "--layout", layout);
            await RunAsync("umoci", "new", "--image", $"{layout}:base");
            await RunAsync("umoci", "insert", "--image", $"{layout}:base", small, "/base");
            await OursAsync(work, layout, small);

            var (theirs, ours, program, growth) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
            var (theirSize, ourSize) = (0L, 0L);
            for (var round = 0; round < Rounds; round++)
            {
                (var seconds, theirSize) = await TheirsAsync(work, layout, bundle);
                theirs.Add(seconds);
                GC.Collect();
                var idle = ProcessFigures.Resident("VmRSS");
                ProcessFigures.ResetPeak();
                (seconds, ourSize) = await OursAsync(work, layout, bundle);
                ours.Add(seconds);
                growth.Add((ProcessFigures.Resident("VmHWM") - idle) / 1048576.0);
                program.Add(await ProgramAsync(layout, bundle));
            }

            report["umoci_skopeo_s"] = Round(new Sample(theirs).Median);
            report["ours_s"] = Round(new Sample(ours).Median);
            report["ours_cold_program_s"] = Round(new Sample(program).Median);
            report["ratio"] = Round(new Sample(ours).Median / new Sample(theirs).Median);
            report["umoci_layer_bytes"] = theirSize;
            report["our_layer_bytes"] = ourSize;
            report["size_ratio"] = Round((double)ourSize / theirSize);
            report["memory_growth_max_mib"] = Round(growth.Max());
            return report;
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    /// <summary>Real files, of the .NET that runs this: programs, documents and data.</summary>
    private static JsonObject MakeBundle(string folder)
    {
        var dotnet = Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        var files = new DirectoryInfo(dotnet).EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.LinkTarget is null)
            .OrderByDescending(file => file.Length).ThenBy(file => file.FullName, StringComparer.Ordinal).ToList();
        // The first window of so many files, the large ones before it left out, that is no larger than wanted.
        var first = Enumerable.Range(0, Math.Max(1, files.Count - Files)).First(start => files.Skip(start).Take(Files).Sum(file => file.Length) <= Bytes);
        var taken = files.Skip(first).Take(Files).ToList();
        foreach (var file in taken)
        {
            var path = Path.Combine(folder, Path.GetRelativePath(dotnet, file.FullName));
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            file.CopyTo(path);
        }

        return new() { ["files"] = taken.Count, ["bytes"] = taken.Sum(file => file.Length), ["level"] = LayerBuilder.DefaultLevel };
    }

    private static async Task<(double Seconds, long LayerBytes)> TheirsAsync(DirectoryInfo work, string layout, string bundle)
    {
        await using var registry = await ImageRegistry.StartAsync();
        await PushBaseAsync(registry, layout);
        var copy = Path.Combine(work.FullName, $"theirs-{Guid.NewGuid():n}");
        var clock = Stopwatch.StartNew();
        await RunAsync("skopeo", "copy", "-q", "--src-tls-verify=false", $"docker://{registry.Address}/base:1", $"oci:{copy}:base");
        await RunAsync("umoci", "insert", "--image", $"{copy}:base", bundle, "/image/bundles/tools");
        await RunAsync("skopeo", "copy", "-q", "--dest-tls-verify=false", $"oci:{copy}:base", $"docker://{registry.Address}/theirs:1");
        var seconds = clock.Elapsed.TotalSeconds;
        var largest = Directory.EnumerateFiles(Path.Combine(copy, "blobs", "sha256")).Max(file => new FileInfo(file).Length);
        Directory.Delete(copy, recursive: true);
        return (seconds, largest);
    }

    private static async Task<(double Seconds, long LayerBytes)> OursAsync(DirectoryInfo work, string layout, string bundle)
    {
        await using var registry = await ImageRegistry.StartAsync();
        await PushBaseAsync(registry, layout);
        var backend = new OciBackend(Path.Combine(work.FullName, "ours"), new RegistryOptions(), TimeProvider.System);
        var clock = Stopwatch.StartNew();
        var result = await backend.BuildAsync(
            new($"{registry.Address}/base:1", [new FolderLayer(bundle, "image/bundles/tools", "bundle tools")],
                new OciTarget.Registry(ImageReference.Parse($"{registry.Address}/ours:1", "target"))), null, CancellationToken.None);
        return (clock.Elapsed.TotalSeconds, result.BytesSent);
    }

    private static async Task<double> ProgramAsync(string layout, string bundle)
    {
        await using var registry = await ImageRegistry.StartAsync();
        await PushBaseAsync(registry, layout);
        var clock = Stopwatch.StartNew();
        await RunAsync(Repository.ImageBuilder, $"{registry.Address}/ours:1", "--base", $"{registry.Address}/base:1", "--layer", $"{bundle}=image/bundles/tools");
        return clock.Elapsed.TotalSeconds;
    }

    private static Task PushBaseAsync(ImageRegistry registry, string layout) =>
        RunAsync("skopeo", "copy", "-q", "--dest-tls-verify=false", $"oci:{layout}:base", $"docker://{registry.Address}/base:1");

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        await output;
        var said = await errors;
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program}: exit code {process.ExitCode}: {said}");
        }
    }

    private static double Round(double value) => Math.Round(value, 2);
}
