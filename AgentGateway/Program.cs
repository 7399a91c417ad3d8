using AgentKernel.AgentGateway;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Configuration.Sources.Insert(0, StandaloneDefaults.Source);
builder.Services.AddAgentGateway(StandaloneDefaults.Read(builder.Configuration));

var app = builder.Build();
app.MapGet("/health", () => Results.Text("""{"status":"ok"}""", "application/json"));
app.MapAgentGateway();
app.Run();
