using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>Connections to registries: TLS with the system's certificates and those of the options, redirects without credentials.</summary>
internal static class RegistryHandler
{
    /// <summary>Throws <see cref="RegistryException"/> when the certificates cannot be read.</summary>
    public static SocketsHttpHandler Create(Uri registry, RegistryOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            UseCookies = false,
            // .NET takes the Authorization header off when it follows one, and never goes from https to http.
            AllowAutoRedirect = true,
            MaxAutomaticRedirections = 5,
            ConnectTimeout = options.IdleTimeout,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            // A proxy could not reach this machine's own addresses.
            UseProxy = !registry.IsLoopback,
        };
        if (options.CertificateFile is { } file)
        {
            var roots = Read(file);
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                errors is SslPolicyErrors.None
                || (errors is SslPolicyErrors.RemoteCertificateChainErrors && certificate is X509Certificate2 presented && LeadsTo(roots, presented, chain));
        }

        return handler;
    }

    private static X509Certificate2Collection Read(string file)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPemFile(file);
        }
        catch (Exception unreadable) when (unreadable is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new RegistryException(RegistryFailure.Unreachable, $"the certificate file {file} cannot be read: {unreadable.Message}", unreadable);
        }

        return roots.Count > 0 ? roots : throw new RegistryException(RegistryFailure.Unreachable, $"the certificate file {file} has no certificate in PEM form");
    }

    private static bool LeadsTo(X509Certificate2Collection roots, X509Certificate2 presented, X509Chain? sent)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        // A certificate authority of one's own seldom says where its revocations are.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        if (sent is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainElements.Select(element => element.Certificate).ToArray());
        }

        return chain.Build(presented);
    }
}
