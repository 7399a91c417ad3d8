using System.Text.Json;
using AgentKernel.AgentBus.Log;
using AgentKernel.Contracts.Bus;
using AgentKernel.ServiceDefaults;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.AgentBus.Buses;

/// <summary>What is kept beside the logs: a folder a bus, with whose it is and what retention has left of its policy.</summary>
internal sealed class BusFolder(string path)
{
    private const string RegistrationFile = "bus.json";
    private const string PolicyFile = "policy-before-log";

    public IEnumerable<BusRegistration> ReadRegistrations()
    {
        foreach (var folder in Directory.EnumerateDirectories(path))
        {
            var file = Path.Combine(folder, RegistrationFile);
            if (!File.Exists(file))
            {
                continue; // a removal that a crash has cut short
            }

            yield return JsonSerializer.Deserialize(File.ReadAllBytes(file), BusRegistrationJson.Default.BusRegistration)
                ?? throw new BusLogException($"{file} is empty");
        }
    }

    public void Write(BusRegistration registration)
    {
        var folder = Path.Combine(path, registration.BusId);
        DataDirectory.CreateFolder(folder);
        DataDirectory.WriteAtomically(Path.Combine(folder, RegistrationFile), JsonSerializer.SerializeToUtf8Bytes(registration, BusRegistrationJson.Default.BusRegistration), durable: true);
    }

    /// <summary>Forgets a bus. Its log is removed after this, so that no log is ever without an owner.</summary>
    public void Delete(string busId)
    {
        var folder = Path.Combine(path, busId);
        File.Delete(Path.Combine(folder, RegistrationFile));
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public BusPolicy ReadPolicy(string busId)
    {
        var file = Path.Combine(path, busId, PolicyFile);
        return File.Exists(file)
            ? BusPolicy.Initial.After(new Payload { Control = new() { BaseEngineControl = new() { PolicyBatch = PolicyBatch.Parser.ParseFrom(File.ReadAllBytes(file)) } } })
            : BusPolicy.Initial;
    }

    public void WritePolicy(string busId, BusPolicy policy)
    {
        var batch = new PolicyBatch { DeciderPolicy = policy.Decider, NewVersion = policy.Version ?? 0 };
        foreach (var (id, voter) in policy.Voters)
        {
            batch.VoterOps[id] = new() { Add = new() { Config = new() { Custom = Any.Pack(voter) } } };
        }

        DataDirectory.WriteAtomically(Path.Combine(path, busId, PolicyFile), batch.ToByteArray(), durable: true);
    }
}
