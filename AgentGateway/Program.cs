using AgentKernel.AgentGateway;
using AgentKernel.ServiceDefaults.Hosting;

InlineSockets.Enable();
return await ServiceProgram.RunAsync("agentkernel-gateway", args, httpPort: 7091, grpcPort: 7092, builder => builder.Services.AddAgentGateway(StandaloneOptions.Read(builder.Configuration)), app => app.MapAgentGateway());
