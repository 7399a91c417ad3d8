using AgentKernel.Packaging;
using AgentKernel.ServiceDefaults;
using AgentKernel.ServiceDefaults.Access;
using AgentKernel.ServiceDefaults.Hosting;

return await ServiceProgram.RunAsync(
    "agentkernel-packaging",
    args,
    httpPort: 7111,
    grpcPort: 7112,
    builder =>
    {
        var home = new DataDirectory(builder.Configuration[DataDirectory.HomeVariable]);
        builder.Services.AddSingleton(home);
        builder.Services.AddSingleton(new AccessTokens(home.OperatorToken(), home.ServiceToken()));
        builder.Services.AddPackaging(StandaloneOptions.Read(builder.Configuration));
    },
    app => app.MapPackaging());
