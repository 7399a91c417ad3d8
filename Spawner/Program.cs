using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using AgentKernel.ServiceDefaults.Hosting;
using AgentKernel.Spawner;

return await ServiceProgram.RunAsync(
    "agentkernel-spawner",
    args,
    httpPort: 7081,
    grpcPort: 7082,
    builder =>
    {
        var home = new DataDirectory(builder.Configuration[DataDirectory.HomeVariable]);
        builder.Services.AddSingleton(home);
        builder.Services.AddSingleton(new AccessTokens(home.OperatorToken(), home.ServiceToken()));
        builder.Services.AddSpawner(
            builder.Configuration.GetSection("Spawner").Get<SpawnerOptions>(binder => binder.ErrorOnUnknownConfiguration = true) ?? new(),
            () => ServiceAddress.Find(builder.Configuration, "agentbus", "grpc"));
    },
    app => app.MapSpawner());
