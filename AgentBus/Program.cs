using AgentKernel.AgentBus;
using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using AgentKernel.ServiceDefaults.Hosting;

return await ServiceProgram.RunAsync(
    "agentkernel-agentbus",
    args,
    httpPort: 7101,
    grpcPort: 7102,
    builder =>
    {
        var home = new DataDirectory(builder.Configuration[DataDirectory.HomeVariable]);
        builder.Services.AddSingleton(home);
        builder.Services.AddSingleton(new AccessTokens(home.OperatorToken(), home.ServiceToken()));
        builder.Services.AddAgentBus(builder.Configuration.GetSection("AgentBus").Get<AgentBusOptions>(binder => binder.ErrorOnUnknownConfiguration = true) ?? new());
    },
    app => app.MapAgentBus());
