using System.Net;
using System.Net.Http.Headers;

namespace AgentKernel.Packaging.Backends.Oci.Registry;

/// <summary>
/// Sends requests to one registry: proves itself when asked, waits when told to, tries again what may pass, and gives up with
/// a <see cref="RegistryException"/>.
/// </summary>
internal sealed class RegistryTransport : IDisposable
{
    private readonly RegistryOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly RegistryAuthorization _authorization;

    /// <param name="registry">Scheme, host and port.</param>
    public RegistryTransport(Uri registry, RegistryOptions options, TimeProvider time)
    {
        (Registry, _options, _time) = (registry, options, time);
        _http = new(RegistryHandler.Create(registry, options)) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("agentkernel");
        _authorization = new(registry, _http, new(options.DockerConfig));
    }

    public Uri Registry { get; }

    public RegistryOptions Options => _options;

    /// <summary>The first answer that is one of the request's.</summary>
    public async Task<RegistryResponse> SendAsync(RegistryRequest request, CancellationToken cancellationToken)
    {
        var answered = false;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var response = await ExchangeAsync(request, cancellationToken);
                if (request.Answers.Contains(response.Status))
                {
                    return response;
                }

                using (response)
                {
                    if (response.Status is HttpStatusCode.Unauthorized && !answered)
                    {
                        answered = true;
                        if (await AnswerAsync(request, response, cancellationToken))
                        {
                            attempt--;
                            continue;
                        }
                    }

                    var failure = await RegistryFailures.OfAsync(response, request);
                    if (attempt >= _options.Attempts || Wait(failure, response.Message.Headers.RetryAfter, request, attempt) is not { } wait)
                    {
                        throw failure;
                    }

                    await Task.Delay(wait, _time, cancellationToken);
                }
            }
            catch (RegistryException cut) when (cut.Failure is RegistryFailure.Interrupted && request.Repeatable && attempt < _options.Attempts)
            {
                await BackOffAsync(attempt, cancellationToken);
            }
        }
    }

    /// <summary>Waits before another attempt; longer before each further one.</summary>
    public Task BackOffAsync(int attempt, CancellationToken cancellationToken) => Task.Delay(BackOff(attempt), _time, cancellationToken);

    public void Dispose() => _http.Dispose();

    private TimeSpan BackOff(int attempt) => _options.RetryDelay * Math.Pow(2, attempt - 1);

    private TimeSpan? Wait(RegistryException failure, RetryConditionHeaderValue? after, RegistryRequest request, int attempt)
    {
        if (failure.Failure is not (RegistryFailure.RateLimited or RegistryFailure.Broken) || (failure.Failure is RegistryFailure.Broken && !request.Repeatable))
        {
            return null;
        }

        var asked = after?.Delta ?? (after?.Date is { } date ? date - _time.GetUtcNow() : null);
        return asked is null ? BackOff(attempt)
            : asked > _options.LongestRetryAfter ? null
            : asked < TimeSpan.Zero ? TimeSpan.Zero
            : asked;
    }

    private async Task<RegistryResponse> ExchangeAsync(RegistryRequest request, CancellationToken cancellationToken)
    {
        var timer = new IdleTimer(_options.IdleTimeout, _time, cancellationToken);
        try
        {
            using var message = request.Message(timer);
            message.Headers.Authorization = _authorization.For(request.Scope);
            var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, timer.Token);
            return new(response, timer, request, cancellationToken);
        }
        catch (Exception exception) when (RegistryFailures.Explains(exception, cancellationToken))
        {
            var failure = RegistryFailures.Of(exception, request, timer);
            timer.Dispose();
            throw failure;
        }
        catch
        {
            timer.Dispose();
            throw;
        }
    }

    private async Task<bool> AnswerAsync(RegistryRequest request, RegistryResponse response, CancellationToken cancellationToken)
    {
        using var timer = new IdleTimer(_options.IdleTimeout, _time, cancellationToken);
        var proof = request with { What = $"log in to {request.What}" };
        try
        {
            return await _authorization.AnswerAsync(response.Message, request.Scope, timer.Token) is not null;
        }
        catch (Exception exception) when (RegistryFailures.Explains(exception, cancellationToken))
        {
            throw RegistryFailures.Of(exception, proof, timer);
        }
    }
}
