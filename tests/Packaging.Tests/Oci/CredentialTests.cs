using System.Text;
using AgentKernel.Packaging.Backends.Oci.Registry;

namespace AgentKernel.Packaging.Tests.Oci;

public sealed class CredentialTests : OciTest
{
    private static readonly Uri Registry = new("https://registry.example.com:5000");

    [Theory]
    [InlineData("""{"auths":{"registry.example.com:5000":{"auth":"bWU6c2VjOnJldA=="}}}""", "me", "sec:ret")]
    [InlineData("""{"auths":{"https://registry.example.com:5000/":{"username":"me","password":"secret"}}}""", "me", "secret")]
    [InlineData("""{"auths":{"registry.example.com:5000":{"identitytoken":"abc"}}}""", "<token>", "abc")]
    public async Task Find_InDockersFile_ReadsEachForm(string config, string user, string secret)
    {
        var credential = await FindAsync(config);

        Assert.Equal((user, secret), (credential!.User, credential.Secret));
        Assert.DoesNotContain(secret, credential.ToString());
    }

    [Fact]
    public async Task Find_OtherRegistrysCredentials_AreNotUsed() =>
        Assert.Null(await FindAsync("""{"auths":{"registry.example.com":{"auth":"bWU6c2VjcmV0"},"other.example.com:5000":{"auth":"bWU6c2VjcmV0"}}}"""));

    [Theory]
    [InlineData("{", "it is no JSON")]
    [InlineData("[]", "it is no JSON object")]
    [InlineData("""{"auths":{"registry.example.com:5000":{"auth":"secret!"}}}""", "is not Base64")]
    [InlineData("""{"auths":{"registry.example.com:5000":{"auth":"c2VjcmV0"}}}""", "is not Base64 of user:password")]
    [InlineData("""{"auths":{},"credsStore":"../secret"}""", "has a slash")]
    public async Task Find_Malformed_SaysSoWithoutTheSecret(string config, string why)
    {
        var refusal = await Assert.ThrowsAsync<RegistryException>(() => FindAsync(config));

        Assert.Contains(why, refusal.Message);
        Assert.DoesNotContain("secret!", refusal.Message);
        Assert.Equal(RegistryFailure.Unauthorized, refusal.Failure);
    }

    [Fact]
    public async Task Find_FileThatIsNotThere_IsAnError() =>
        await Assert.ThrowsAsync<RegistryException>(() => new DockerCredentials(Temporary.Combine("none.json")).FindAsync(Registry, Patience.Token));

    private Task<RegistryCredential?> FindAsync(string config) =>
        new DockerCredentials(Temporary.Write("config.json", Encoding.UTF8.GetBytes(config))).FindAsync(Registry, Patience.Token);
}
