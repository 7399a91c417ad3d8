using AgentKernel.Contracts;
using AgentKernel.Packaging.Blobs;
using AgentKernel.Packaging.Images;
using AgentKernel.Packaging.Jobs;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AgentKernel.Packaging;

/// <summary>Hosts PackagingService, alone or beside other parts.</summary>
public static class PackagingHosting
{
    /// <summary>Adds the service. Wants a <see cref="DataDirectory"/> and <see cref="AccessTokens"/> among the services.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="options">Its settings.</param>
    /// <param name="spawner">
    /// Tells the spawner's gRPC address in place of <see cref="PackagingOptions.Spawner"/>, for a program whose ports are
    /// known only once it listens.
    /// </param>
    /// <exception cref="InvalidOperationException">A setting is wrong; the message names its key.</exception>
    public static IServiceCollection AddPackaging(this IServiceCollection services, PackagingOptions options, Func<Uri>? spawner = null)
    {
        if (options.Problems(addressElsewhere: spawner is not null).ToList() is { Count: > 0 } problems)
        {
            throw new InvalidOperationException(string.Join("; ", problems));
        }

        services.AddRpc();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddHttpClient(BundleSources.Client).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { UseCookies = false, MaxAutomaticRedirections = 5 });
        services.AddSingleton<PackagingFolder>();
        services.AddSingleton(provider => StoreOf(options, provider.GetRequiredService<PackagingFolder>().Combine("blobs")));
        services.AddSingleton<IImageUsers>(provider => new SpawnerImageUsers(spawner ?? (() => options.Spawner!), provider.GetRequiredService<AccessTokens>().Service)); // Problems() has seen one of the two
        services.AddSingleton<UnpackedBundles>();
        services.AddSingleton<ImageStore>();
        services.AddSingleton<BundleSources>();
        services.AddSingleton<RegistryImages>();
        services.AddSingleton<ImageBuilder>();
        services.AddSingleton<JobRunner>();
        services.AddSingleton<ImagePruner>();
        services.AddSingleton<BlobHttpApi>();
        services.AddSingleton<PackagingService>();
        services.AddHostedService(provider => provider.GetRequiredService<JobRunner>());
        services.AddHealthChecks().AddCheck<PackagingHealthCheck>("packaging");
        return services;
    }

    /// <summary>Maps the HTTP routes under <c>/v1/blobs</c> and the RPCs of PackagingService.</summary>
    public static IEndpointRouteBuilder MapPackaging(this IEndpointRouteBuilder endpoints)
    {
        var blobs = endpoints.ServiceProvider.GetRequiredService<BlobHttpApi>();
        endpoints.MapPut("/v1/blobs", blobs.PutAsync);
        endpoints.MapMethods("/v1/blobs/{digest}", [HttpMethods.Get, HttpMethods.Head], blobs.GetAsync);

        var service = endpoints.ServiceProvider.GetRequiredService<PackagingService>();
        endpoints.MapRpc(PackagingMethods.CreateAgentImage, service.CreateAgentImageAsync);
        endpoints.MapRpc(PackagingMethods.GetJob, service.GetJobAsync);
        endpoints.MapRpc(PackagingMethods.WatchJob, service.WatchJobAsync);
        endpoints.MapRpc(PackagingMethods.CancelJob, service.CancelJobAsync);
        endpoints.MapRpc(PackagingMethods.ListImages, service.ListImagesAsync);
        endpoints.MapRpc(PackagingMethods.GetImage, service.GetImageAsync);
        endpoints.MapRpc(PackagingMethods.DeleteImage, service.DeleteImageAsync);
        endpoints.MapRpc(PackagingMethods.PruneImages, service.PruneImagesAsync);
        endpoints.MapRpc(PackagingMethods.ResolveImage, service.ResolveImageAsync);
        endpoints.MapUnknownRpc(PackagingMethods.Service);
        return endpoints;
    }

    private static IBlobStore StoreOf(PackagingOptions options, string folder) => options.BlobStore is { } bucket
        ? new S3BlobStore(bucket, options.BlobStoreEndpoint, folder, options.MaxBlobBytes)
        : new FolderBlobStore(folder, options.MaxBlobBytes);
}
