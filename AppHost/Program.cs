// AgentKernel as a diagram: callers → gateway → agents, which the spawner starts from packaging's images and the bus watches.
//
//     dotnet run --project AppHost
//     dotnet run --project AppHost -- --Parameters:backend=bwrap
//     dotnet run --project AppHost -- --operation publish --step publish --output-path <folder>
using Aspire.Hosting.ApplicationModel;

var builder = DistributedApplication.CreateBuilder(args);
builder.AddKubernetesEnvironment("kubernetes");

// Empty is a choice: without a key agents use the scripted model, without a token the services keep one in their data directory.
var llmApiKey = Parameter("llm-api-key", Environment.GetEnvironmentVariable("LLM_API_KEY") ?? "", secret: true);
var operatorToken = Parameter("operator-token", "", secret: true);
var backend = Parameter("backend", "local", secret: false);

var bus = Service<Projects.AgentBus>("agentbus");

var packaging = Service<Projects.Packaging>("packaging");

var spawner = Service<Projects.Spawner>("spawner")
    .WithReference(bus)
    .WithReference(packaging)
    .WithEnvironment("AGENTBUS_GRPC", bus.GetEndpoint("grpc"))
    .WithEnvironment("PACKAGING_GRPC", packaging.GetEndpoint("grpc"))
    .WithEnvironment("Spawner__Backend", backend)
    .WithEnvironment("LLM_API_KEY", llmApiKey)
    .WaitFor(bus)
    .WaitFor(packaging);

packaging // asks which images are in use; it does not wait for that
    .WithEnvironment("SPAWNER_GRPC", spawner.GetEndpoint("grpc"));

var gateway = Service<Projects.AgentGateway>("gateway")
    .WithReference(spawner)
    .WithEnvironment("SPAWNER_GRPC", spawner.GetEndpoint("grpc"))
    .WithEndpoint("http", endpoint => endpoint.IsExternal = true)
    .WithEndpoint("grpc", endpoint => endpoint.IsExternal = true)
    .WaitFor(spawner);

// One agent, one turn with a tool call, by the command as a user types it: its trace is in the dashboard.
builder.AddProject<Projects.Cli>("demo")
    .WithArgs("demo", "simple-agent")
    .WithEnvironment("AGENTKERNEL_SPAWNER", spawner.GetEndpoint("grpc"))
    .WithEnvironment("AGENTKERNEL_GATEWAY", gateway.GetEndpoint("grpc"))
    .WithEnvironment("AGENTKERNEL_AGENTBUS", bus.GetEndpoint("grpc"))
    .WithEnvironment("AGENTKERNEL_PACKAGING", packaging.GetEndpoint("grpc"))
    .WithEnvironment("AGENTKERNEL_TOKEN", operatorToken)
    .WithEnvironment("AGENTKERNEL_HOME", DataDirectory())
    .WithEnvironment("LLM_API_KEY", llmApiKey)
    .WaitFor(gateway)
    .ExcludeFromManifest();

builder.Build().Run();

// A service with an HTTP/1.1 and a gRPC endpoint, whose ports it reads from these variables.
IResourceBuilder<ProjectResource> Service<T>(string name)
    where T : IProjectMetadata, new() => builder.AddProject<T>(name)
    .WithHttpEndpoint(name: "http", env: "HTTP_PORT")
    .WithHttpEndpoint(name: "grpc", env: "GRPC_PORT")
    .WithEndpoint("grpc", endpoint => endpoint.Transport = "http2")
    .WithHttpHealthCheck("/health", endpointName: "http")
    .WithEnvironment("AGENTKERNEL_HOME", DataDirectory())
    .WithEnvironment("AGENTKERNEL_TOKEN", operatorToken);

// Kept from run to run, so that agents can be found again.
string DataDirectory() => Path.GetFullPath(Path.Combine(builder.AppHostDirectory, "..", "artifacts", "apphost"));

// From Parameters:<name>, in whatever way that is set.
IResourceBuilder<ParameterResource> Parameter(string name, string otherwise, bool secret) =>
    builder.AddParameter(name, builder.Configuration[$"Parameters:{name}"] is { Length: > 0 } set ? set : otherwise, secret: secret);
