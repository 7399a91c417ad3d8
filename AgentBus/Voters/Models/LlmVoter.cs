using System.Text.Json;
using AgentKernel.AgentBus.Voting;
using AgentKernel.Contracts.Bus.V1;

namespace AgentKernel.AgentBus.Voters.Models;

/// <summary>Lets a model judge. Anything but a valid answer is a no.</summary>
internal sealed class LlmVoter(HttpClient http, IJudgeWire wire, Uri endpoint, string key, Contracts.Bus.V1.LlmVoter settings) : IVoter
{
    private const int MaxAnswerBytes = 1024 * 1024;

    public async Task<Ballot> VoteAsync(IntentionCase intention, CancellationToken cancellationToken)
    {
        if (intention.Text.Length > JudgeQuestion.MaxIntention)
        {
            return new Ballot.No("the intention is too long to be judged by a model");
        }

        try
        {
            using var request = wire.Request(endpoint, key, settings.Model, JudgeQuestion.About(intention, settings.Instructions, settings.ContextEntries));
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                return new Ballot.No($"the model that judges actions answered {(int)response.StatusCode}");
            }

            await response.Content.LoadIntoBufferAsync(MaxAnswerBytes, cancellationToken);
            using var answer = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancellationToken), cancellationToken: cancellationToken);
            return wire.Read(answer.RootElement) switch
            {
                { Safe: true } yes => new Ballot.Yes(yes.Reason),
                { Safe: false } no => new Ballot.No(no.Reason),
                null => NotUnderstood(),
            };
        }
        catch (HttpRequestException)
        {
            return new Ballot.No("the model that judges actions cannot be reached, or broke off its answer");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Ballot.No("the model that judges actions did not answer in time");
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException or IOException)
        {
            return NotUnderstood();
        }
    }

    private static Ballot.No NotUnderstood() => new("the model that judges actions gave no valid answer");
}
