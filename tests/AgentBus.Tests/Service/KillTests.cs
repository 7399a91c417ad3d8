using System.Collections.Concurrent;
using AgentKernel.AgentBus.Tests.Log;
using AgentKernel.Contracts;
using AgentKernel.Contracts.Bus.V1;
using AgentKernel.Rpc;

namespace AgentKernel.AgentBus.Tests.Service;

/// <summary>The real service, ended with SIGKILL while many write to it.</summary>
public sealed class KillTests
{
    private const int Appends = 1000;
    private const int Writers = 16;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Service_KilledAtRandomPointsOf1000Appends_LosesNothingThatWasAcknowledged(int seed)
    {
        using var home = new TemporaryFolder();
        var random = new Random(seed);
        var busId = $"helper.{Guid.NewGuid()}";
        var acknowledged = new ConcurrentDictionary<long, string>();
        var sent = new ConcurrentDictionary<string, bool>();
        string? token = null;
        var kills = 0;
        while (acknowledged.Count < Appends)
        {
            await using var service = await BusProcess.StartAsync(home.Path);
            using var channel = new RpcChannel(service.Grpc);
            token ??= (await channel.CallAsync(BusAdminMethods.RegisterBus, new RegisterBusRequest { BusId = busId, DisableSafety = true }, new() { BearerToken = BusServer.ServiceToken }, Patience.Token)).BusToken;
            var agent = new BusUser(channel, busId, token);
            await CheckAsync(agent, acknowledged, sent);

            var dieAt = acknowledged.Count + random.Next(1, 300);
            var death = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var writers = Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(agent, acknowledged, sent, dieAt, death))).ToList();
            await death.Task.WaitAsync(Patience.Token);
            await service.KillAsync();
            kills++;
            await Task.WhenAll(writers).WaitAsync(Patience.Token);
        }

        await using var last = await BusProcess.StartAsync(home.Path);
        using var lastChannel = new RpcChannel(last.Grpc);
        await CheckAsync(new(lastChannel, busId, token!), acknowledged, sent); // the loop has run
        Assert.True(kills > 3, $"it was killed only {kills} times");
    }

    private static async Task WriteAsync(BusUser agent, ConcurrentDictionary<long, string> acknowledged, ConcurrentDictionary<string, bool> sent, int dieAt, TaskCompletionSource death)
    {
        try
        {
            while (true)
            {
                var text = $"{Guid.NewGuid()} {new string('x', Random.Shared.Next(300))}";
                sent[text] = true;
                var position = await agent.AppendAsync(Entries.Input(text));
                Assert.True(acknowledged.TryAdd(position, text), $"position {position} was given twice");
                if (acknowledged.Count >= dieAt)
                {
                    death.TrySetResult();
                }
            }
        }
        catch (RpcException exception) when (exception.Code is RpcStatusCode.Unavailable)
        {
            // It was killed.
        }
        catch (Exception exception)
        {
            death.TrySetException(exception);
        }
    }

    private static async Task CheckAsync(BusUser agent, ConcurrentDictionary<long, string> acknowledged, ConcurrentDictionary<string, bool> sent)
    {
        var next = 0L;
        while (true)
        {
            var page = await agent.PollAsync(next, 500);
            foreach (var entry in page.Entries)
            {
                Assert.Equal(next++, entry.Header.LogPosition); // dense
                if (entry.Header.LogPosition == 0)
                {
                    continue; // the policy that a bus begins with
                }

                var text = Entries.Text(entry);
                Assert.True(sent.ContainsKey(text), "an entry that nobody has sent, whole");
                Assert.True(!acknowledged.TryGetValue(entry.Header.LogPosition, out var told) || told == text, $"the entry {entry.Header.LogPosition} is another one than was acknowledged");
            }

            if (page.Complete)
            {
                break;
            }
        }

        Assert.Equal(next, await agent.TailAsync());
        Assert.All(acknowledged.Keys, position => Assert.InRange(position, 0, next - 1));
    }
}
