using AgentKernel.AgentGateway;

InlineSockets.Enable();
var builder = WebApplication.CreateSlimBuilder(args);
builder.Configuration.Sources.Insert(0, StandaloneDefaults.Source);
// A caller may read a turn as slowly as it likes, within the gateway's own limits; on HTTP/2 Kestrel's would end the
// whole connection, and every other call on it, for one slow reader.
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MinResponseDataRate = null);
builder.Services.AddAgentGateway(StandaloneDefaults.Read(builder.Configuration));

var app = builder.Build();
app.MapGet("/health", () => Results.Text("""{"status":"ok"}""", "application/json"));
app.MapAgentGateway();
app.Run();
