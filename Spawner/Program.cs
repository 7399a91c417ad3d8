using AgentKernel.ServiceDefaults;
using AgentKernel.Spawner;

var builder = WebApplication.CreateSlimBuilder(args);
builder.Configuration.Sources.Insert(0, StandaloneDefaults.Source);
var home = new DataDirectory(builder.Configuration[DataDirectory.HomeVariable]);
builder.Services.AddSingleton(home);
builder.Services.AddSingleton(StandaloneDefaults.Tokens(builder.Configuration, home));
builder.Services.AddSpawner(StandaloneDefaults.Read(builder.Configuration));

var app = builder.Build();
app.MapGet("/health", () => Results.Text("""{"status":"ok"}""", "application/json"));
app.MapSpawner();
app.Run();
