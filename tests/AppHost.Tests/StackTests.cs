using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace AgentKernel.AppHost.Tests;

/// <summary>The stack as <c>dotnet run --project AppHost</c> brings it up.</summary>
public sealed class StackTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task Model_OfTheStack_ExposesOnlyTheGateway()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>();

        var exposed = builder.Resources.OfType<ProjectResource>()
            .Where(resource => resource.Annotations.OfType<EndpointAnnotation>().Any(endpoint => endpoint.IsExternal))
            .Select(resource => resource.Name);
        Assert.Equal(["gateway"], exposed);
        Assert.Equal(["agentbus", "demo", "gateway", "packaging", "spawner"], builder.Resources.OfType<ProjectResource>().Select(resource => resource.Name).Order());
    }

    [Fact]
    public async Task Stack_WithoutAnySetUp_IsHealthyAndRunsItsDemo()
    {
        await using var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>();
        await using var app = await builder.BuildAsync();
        await app.StartAsync().WaitAsync(Limit);

        foreach (var service in (string[])["agentbus", "packaging", "spawner", "gateway"])
        {
            await app.ResourceNotifications.WaitForResourceHealthyAsync(service).WaitAsync(Limit);
            using var http = app.CreateHttpClient(service, "http");
            Assert.True((await http.GetAsync("/health")).IsSuccessStatusCode);
        }

        await app.ResourceNotifications.WaitForResourceAsync("demo", KnownResourceStates.Finished).WaitAsync(Limit);
    }
}
