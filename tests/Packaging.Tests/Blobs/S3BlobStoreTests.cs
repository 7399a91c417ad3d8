using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using AgentKernel.Packaging.Blobs;
using Amazon.Runtime;

namespace AgentKernel.Packaging.Tests.Blobs;

/// <summary>Against s3rver from npm.</summary>
public sealed class S3BlobStoreTests : BlobStoreContract
{
    private static readonly string NodeDirectory = typeof(S3BlobStoreTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "NodeDirectory").Value!; // set in the project file

    private static readonly Lazy<Task> Installed = new(async () =>
    {
        var installed = new FileInfo(Path.Combine(NodeDirectory, "node_modules", ".package-lock.json"));
        if (!installed.Exists || installed.LastWriteTimeUtc < File.GetLastWriteTimeUtc(Path.Combine(NodeDirectory, "package-lock.json")))
        {
            await Tool.RunAsync("npm", "ci", "--prefix", NodeDirectory);
        }
    });

    internal override async Task<IStorePlace> OpenAsync()
    {
        var node = Tool.Find("node");
        Tool.Find("npm");
        await Installed.Value;
        return await Place.StartAsync(node);
    }

    private sealed class Place : IStorePlace
    {
        private readonly TemporaryFolder _folder;
        private readonly Process _server;
        private readonly S3BlobStore _store;

        private Place(TemporaryFolder folder, Process server, int port)
        {
            (_folder, _server) = (folder, server);
            _store = new("s3://blobs/some/prefix", new Uri($"http://127.0.0.1:{port}"), folder.Combine("here"), MaxBytes, new BasicAWSCredentials("S3RVER", "S3RVER"));
        }

        public IBlobStore Store => _store;

        public IEnumerable<string> Leftovers() => Directory.EnumerateFiles(_folder.Combine("here", "uploads"));

        public static async Task<Place> StartAsync(string node)
        {
            var folder = new TemporaryFolder();
            Directory.CreateDirectory(folder.Combine("there"));
            var server = Process.Start(new ProcessStartInfo(node, [Path.Combine(NodeDirectory, "s3.mjs"), folder.Combine("there")])
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            })!;
            var errors = server.StandardError.ReadToEndAsync();
            var line = await server.StandardOutput.ReadLineAsync(Patience.Token);
            return new(folder, server, int.Parse(line ?? throw new InvalidOperationException($"s3rver did not start: {await errors}"), CultureInfo.InvariantCulture));
        }

        public async ValueTask DisposeAsync()
        {
            _store.Dispose();
            _server.StandardInput.Close();
            await _server.WaitForExitAsync(Patience.Token);
            _server.Dispose();
            _folder.Dispose();
        }
    }
}
