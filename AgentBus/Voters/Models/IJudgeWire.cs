using System.Text.Json;

namespace AgentKernel.AgentBus.Voters.Models;

/// <summary>How one vendor's API is asked for a structured answer. The request and the answer are JSON over HTTP.</summary>
internal interface IJudgeWire
{
    /// <summary>Where the vendor serves it.</summary>
    Uri DefaultEndpoint { get; }

    /// <summary>Makes the request.</summary>
    HttpRequestMessage Request(Uri endpoint, string key, string model, JudgeQuestion question);

    /// <summary>Reads the vote from a whole answer.</summary>
    /// <returns>Null where the answer is not exactly one vote and nothing else.</returns>
    /// <exception cref="Exception">Of any kind that reading JSON throws: the same as null.</exception>
    JudgeAnswer? Read(JsonElement answer);
}
