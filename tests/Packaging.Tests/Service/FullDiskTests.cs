using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace AgentKernel.Packaging.Tests.Service;

/// <summary>The service as a program, on a disk of its own that is small.</summary>
public sealed partial class FullDiskTests
{
    private const string Script = "mount -t tmpfs -o size=1500k agentkernel \"$AGENTKERNEL_HOME\" && exec \"$0\"";

    [Fact]
    public async Task FullDisk_UploadAndBuild_SayItAndLeaveRoomForWhatFits()
    {
        using var home = new TemporaryFolder();
        var program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Packaging", "debug", "AgentKernel.Packaging"));
        string[] user = Environment.UserName == "root" ? [] : ["--map-root-user"];
        var start = new ProcessStartInfo(Tool.Find("unshare"), ["--mount", .. user, "/bin/sh", "-c", Script, program])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            Environment =
            {
                ["AGENTKERNEL_HOME"] = home.Path, ["AGENTKERNEL_TOKEN"] = RunningPackaging.Token, ["HTTP_PORT"] = "0", ["GRPC_PORT"] = "0",
                ["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information",
            },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            // Kestrel opens its endpoints in the order of their names: gRPC's, then that of HTTP.
            var addresses = new List<Uri>();
            while (addresses.Count < 2)
            {
                var line = await process.StandardOutput.ReadLineAsync(Patience.Token);
                if (line is null)
                {
                    var said = await errors;
                    Assert.SkipWhen(Environment.GetEnvironmentVariable("CI") != "true" && said.Contains("unshare", StringComparison.Ordinal), said);
                    Assert.Fail($"the service did not start: {said}");
                }

                if (Listening().Match(line) is { Success: true } match)
                {
                    addresses.Add(new(match.Groups["address"].Value));
                }
            }

            _ = process.StandardOutput.ReadToEndAsync();
            await TryAsync(addresses);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(Patience.Token);
        }
    }

    private static async Task TryAsync(List<Uri> addresses)
    {
        using var http = new HttpClient { BaseAddress = addresses[1] };
        http.DefaultRequestHeaders.Authorization = new("Bearer", RunningPackaging.Token);
        for (var again = 0; again < 2; again++) // what did not fit has left no trace: or the second time less would fit
        {
            using var full = await http.PutAsync("v1/blobs", new ByteArrayContent(RandomNumberGenerator.GetBytes(2_000_000)));
            Assert.Equal(HttpStatusCode.InsufficientStorage, full.StatusCode);
            Assert.Contains("disk of the blob store is full", await full.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        using var kernel = new AgentKernel.Client.AgentKernelClient(addresses[0], RunningPackaging.Token);
        using var folder = new TemporaryFolder();
        folder.Write("large", RandomNumberGenerator.GetBytes(900_000));
        var large = await kernel.Blobs.UploadDirectoryAsync(folder.Path);
        for (var again = 0; again < 2; again++) // the archive fits, and what is in it does not
        {
            var failed = await Assert.ThrowsAsync<Rpc.RpcException>(() => kernel.Packaging.CreateImageAsync(RunningPackaging.Request("a", (large.Uri, "large", ""))));
            Assert.Equal(Rpc.RpcStatusCode.ResourceExhausted, failed.Code);
            Assert.Contains("disk of the packaging service is full", failed.Message, StringComparison.Ordinal);
        }

        File.WriteAllBytes(folder.Combine("large"), new byte[100_000]);
        var small = await kernel.Blobs.UploadDirectoryAsync(folder.Path);
        Assert.Equal(100_000, (await kernel.Packaging.CreateImageAsync(RunningPackaging.Request("a", (small.Uri, "small", "")))).SizeBytes);
    }

    [GeneratedRegex(@"Now listening on: (?<address>\S+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Listening();
}
