using System.Net;

namespace AgentKernel.AgentGateway.Tests;

public sealed class AgentCallTests : GatewayTest
{
    [Theory]
    [InlineData("/v1/history", "", "POST /v1/history HTTP/1.1", "{}")]
    [InlineData("/v1/history", ",\"last_n\":3", "POST /v1/history HTTP/1.1", "{\"last_n\":3}")]
    [InlineData("/v1/control", ",\"payload\":{ \"operation\" : \"list_tools\",\"n\":1.50, \"s\":\"\\u00e9😀\" }", "POST /v1/control HTTP/1.1", "{ \"operation\" : \"list_tools\",\"n\":1.50, \"s\":\"\\u00e9😀\" }")]
    [InlineData("/v1/info", "", "GET /v1/info HTTP/1.1", "")]
    public async Task Call_AnyOfThem_CarriesTheChannelTokenAndPassesTheAnswerOn(string path, string more, string requestLine, string body)
    {
        var answering = Gateway.PostAsync(path, $$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Owned.Nonce}}"{{more}}}""");
        var call = await Agent.CallAsync();

        Assert.Equal(requestLine, call.RequestLine);
        Assert.Equal(body, call.Text);
        Assert.Equal($"Bearer {Agent.ChannelToken}", call.Headers["authorization"]);
        Assert.DoesNotContain(Owned.Nonce, call.Everything, StringComparison.Ordinal);
        await call.AnswerAsync(200, """{ "as" : [ "it", "came" ] }""", "application/json; charset=utf-8");
        var response = await answering;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{ "as" : [ "it", "came" ] }""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Info_ByGet_TakesTheNonceAsBearer()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/info?agent_id={Owned.Id}");
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {Owned.Nonce}");
        var answering = Gateway.Http.SendAsync(request, TestContext.Current.CancellationToken);

        await (await Agent.CallAsync()).AnswerAsync(200, """{"pid":7}""");

        Assert.Equal("""{"pid":7}""", await (await answering).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        await RefusedAsync(await Gateway.Http.GetAsync(new Uri("/v1/info", UriKind.Relative), TestContext.Current.CancellationToken), HttpStatusCode.BadRequest, "invalid_argument");
    }

    [Theory]
    [InlineData(400, "application/json", HttpStatusCode.BadRequest, "invalid_argument", "no such operation")]
    [InlineData(503, "application/json", HttpStatusCode.ServiceUnavailable, "unavailable", "no such operation")]
    [InlineData(403, "application/json", HttpStatusCode.InternalServerError, "internal", "channel token")]
    [InlineData(200, "text/html", HttpStatusCode.ServiceUnavailable, "unavailable", "application/json")]
    public async Task Control_AgentRefuses_TheCallerIsToldWhy(int agentStatus, string contentType, HttpStatusCode status, string code, string words)
    {
        var answering = Gateway.PostAsync("/v1/control", $$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Owned.Nonce}}","payload":{} }""");

        await (await Agent.CallAsync()).AnswerAsync(agentStatus, """{"error":"no such operation"}""", contentType);

        Assert.Contains(words, await RefusedAsync(await answering, status, code), StringComparison.Ordinal);
    }

    [Fact]
    public async Task History_AgentDiesInItsAnswer_IsUnavailable()
    {
        var answering = Gateway.PostAsync("/v1/history", $$"""{"agent_id":"{{Owned.Id}}","nonce":"{{Owned.Nonce}}"}""");
        var call = await Agent.CallAsync();
        await call.RawAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"entries\":");
        call.Break();

        await RefusedAsync(await answering, HttpStatusCode.ServiceUnavailable, "unavailable");
    }
}
