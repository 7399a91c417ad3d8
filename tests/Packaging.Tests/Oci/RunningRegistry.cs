using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.Packaging.Tests.Oci;

/// <summary>Debian's docker-registry on a free port of loopback, with its files in a folder of its own. All of it goes with it.</summary>
internal sealed partial class RunningRegistry : IAsyncDisposable
{
    public const string User = "builder";
    public const string Password = "correct-horse";

    // Made by htpasswd -B from the two above.
    private const string PasswordFile = "builder:$2y$05$Nt0.naLcnH7pJUyTv4G41OjAJdFPlc6XuFM1EM3w.lbNVNp5UWSXe";

    private readonly TemporaryFolder _temporary;
    private readonly Process _process;
    private readonly Task _log;
    private readonly bool _tls;
    private readonly bool _auth;

    private RunningRegistry(TemporaryFolder temporary, Process process, Task log, int port, bool tls, bool auth)
    {
        (_temporary, _process, _log, Port, _tls, _auth) = (temporary, process, log, port, tls, auth);
    }

    public int Port { get; }

    /// <summary>Host and port, as images' names have them.</summary>
    public string Address => $"127.0.0.1:{Port}";

    /// <summary>How this project speaks to it.</summary>
    public RegistryOptions Options => new()
    {
        CertificateFile = _tls ? _temporary.Combine("ca.pem") : null,
        DockerConfig = _temporary.Combine("docker.json"),
    };

    /// <summary>An image's name for this project.</summary>
    public string Name(string repositoryAndTag) => (_tls ? "https://" : "") + $"{Address}/{repositoryAndTag}";

    /// <summary>What skopeo needs to reach it, as source or as destination.</summary>
    public string[] Skopeo(string side) =>
    [
        .. _tls ? new[] { $"--{side}cert-dir", _temporary.Combine("certs") } : [$"--{side}tls-verify=false"],
        .. _auth ? new[] { $"--{side}creds", $"{User}:{Password}" } : [],
    ];

    public static async Task<RunningRegistry> StartAsync(bool tls = false, bool auth = false)
    {
        var program = Tool.Find("docker-registry");
        var temporary = new TemporaryFolder();
        temporary.Write("docker.json", Encoding.UTF8.GetBytes("{}"));
        var config = new StringBuilder("version: 0.1\nlog: {level: info}\nstorage: {delete: {enabled: true}, filesystem: {rootdirectory: ").Append(temporary.Combine("store")).Append("}}\n");
        config.Append("http: {addr: '127.0.0.1:0'");
        if (tls)
        {
            WriteCertificates(temporary);
            config.Append(", tls: {certificate: ").Append(temporary.Combine("server.pem")).Append(", key: ").Append(temporary.Combine("server.key")).Append('}');
        }

        config.Append("}\n");
        if (auth)
        {
            temporary.Write("htpasswd", Encoding.UTF8.GetBytes(PasswordFile + "\n"));
            config.Append("auth: {htpasswd: {realm: test, path: ").Append(temporary.Combine("htpasswd")).Append("}}\n");
        }

        var process = Process.Start(new ProcessStartInfo(program, ["serve", temporary.Write("config.yml", Encoding.UTF8.GetBytes(config.ToString()))])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        })!;
        var listening = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var registry = new RunningRegistry(temporary, process, Task.WhenAll(ReadAsync(process.StandardError, listening), ReadAsync(process.StandardOutput, listening)),
            await PortAsync(process, temporary, listening), tls, auth);
        registry.LogIn(Password);
        return registry;
    }

    /// <summary>Writes Docker's config file, as a login does.</summary>
    public void LogIn(string password)
    {
        if (_auth)
        {
            var pair = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{password}"));
            _temporary.Write("docker.json", Encoding.UTF8.GetBytes($$$$"""{"auths":{"{{{{Address}}}}":{"auth":"{{{{pair}}}}"}}}"""));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        await _log;
        _process.Dispose();
        _temporary.Dispose();
    }

    private static async Task<int> PortAsync(Process process, TemporaryFolder temporary, TaskCompletionSource<int> listening)
    {
        try
        {
            return await listening.Task.WaitAsync(Patience.Limit);
        }
        catch
        {
            process.Kill();
            temporary.Dispose();
            throw;
        }
    }

    private static async Task ReadAsync(StreamReader output, TaskCompletionSource<int> listening)
    {
        var seen = new StringBuilder();
        while (await output.ReadLineAsync() is { } line)
        {
            if (Listening().Match(line) is { Success: true } match)
            {
                listening.TrySetResult(int.Parse(match.Groups["port"].Value, System.Globalization.CultureInfo.InvariantCulture));
            }
            else if (!listening.Task.IsCompleted)
            {
                seen.AppendLine(line);
            }
        }

        if (seen.Length > 0)
        {
            listening.TrySetException(new InvalidOperationException($"docker-registry does not listen:\n{seen}"));
        }
    }

    private static void WriteCertificates(TemporaryFolder temporary)
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var authorityKey = RSA.Create(2048);
        var authority = new CertificateRequest("CN=a test's authority", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        authority.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using var root = authority.CreateSelfSigned(from, to);
        using var key = RSA.Create(2048);
        var server = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        server.CertificateExtensions.Add(names.Build());
        using var certificate = server.Create(root, from, to, [1, 2, 3]);
        temporary.Write("ca.pem", Encoding.UTF8.GetBytes(root.ExportCertificatePem()));
        temporary.Write("certs/ca.crt", Encoding.UTF8.GetBytes(root.ExportCertificatePem()));
        temporary.Write("server.pem", Encoding.UTF8.GetBytes(certificate.ExportCertificatePem()));
        temporary.Write("server.key", Encoding.UTF8.GetBytes(key.ExportPkcs8PrivateKeyPem()));
    }

    [GeneratedRegex("listening on 127\\.0\\.0\\.1:(?<port>[0-9]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Listening();
}
