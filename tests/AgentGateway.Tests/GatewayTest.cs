using System.Net;
using System.Text.Json;
using AgentKernel.AgentGateway.Tests.Peers;

namespace AgentKernel.AgentGateway.Tests;

/// <summary>A fake spawner, a scripted agent that its owner may reach, and a gateway between them.</summary>
public abstract class GatewayTest : IAsyncLifetime
{
    private protected FakeSpawner Spawner { get; private set; } = null!;

    private protected ScriptedAgent Agent { get; private set; } = null!;

    private protected (string Id, string Nonce) Owned { get; private set; }

    private protected Gateway Gateway { get; private set; } = null!;

    private protected virtual TimeProvider Time => TimeProvider.System;

    public virtual async ValueTask InitializeAsync()
    {
        Spawner = await FakeSpawner.StartAsync();
        Agent = ScriptedAgent.Start();
        Owned = Spawner.Add(Agent);
        Gateway = await Gateway.StartAsync(Spawner, Time, Configure);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        await Agent.DisposeAsync();
        await Spawner.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected virtual AgentGatewayOptions Configure(AgentGatewayOptions options) => options;

    /// <summary>Begins a turn, and lets the agent begin its stream.</summary>
    private protected async Task<(EventReader Events, AgentCall Call)> BeginTurnAsync(CancellationToken cancellationToken = default)
    {
        var streaming = Gateway.StreamAsync(Owned, cancellationToken: cancellationToken);
        var call = await Agent.CallAsync();
        await call.BeginAsync();
        return (await streaming, call);
    }

    private protected static async Task<string> RefusedAsync(HttpResponseMessage response, HttpStatusCode status, string code)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == response.StatusCode, $"{response.StatusCode}: {text}");
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        var json = JsonElement.Parse(text);
        Assert.Equal(code, json.GetProperty("code").GetString());
        return json.GetProperty("error").GetString()!;
    }
}
