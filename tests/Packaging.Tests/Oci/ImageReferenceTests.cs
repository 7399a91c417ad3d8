using AgentKernel.Packaging.Backends.Oci.Images;

namespace AgentKernel.Packaging.Tests.Oci;

public sealed class ImageReferenceTests
{
    private const string Hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("debian", "https://registry-1.docker.io/", "library/debian", "latest")]
    [InlineData("docker.io/me/tool:2", "https://registry-1.docker.io/", "me/tool", "2")]
    [InlineData("localhost:5000/a/b:c", "http://localhost:5000/", "a/b", "c")]
    [InlineData("https://127.0.0.1:5000/a", "https://127.0.0.1:5000/", "a", "latest")]
    [InlineData("registry.example.com/team/a@sha256:" + Hex, "https://registry.example.com/", "team/a", "sha256:" + Hex)]
    [InlineData("[::1]:5000/a", "http://[::1]:5000/", "a", "latest")]
    public void Parse_Reference_FindsItsParts(string text, string registry, string repository, string tagOrDigest)
    {
        var reference = ImageReference.Parse(text, "base_image");

        Assert.Equal((registry, repository, tagOrDigest), (reference.Registry.ToString(), reference.Repository, reference.TagOrDigest));
    }

    [Theory]
    [InlineData("http://registry.example.com/a", "plain HTTP is allowed to loopback addresses only")]
    [InlineData("registry.example.com/Upper", "no repository name")]
    [InlineData("registry.example.com/a/../b", "no repository name")]
    [InlineData("registry.example.com/a:b c", "no tag")]
    [InlineData("registry.example.com/a@sha256:12", "64 hexadecimal digits")]
    [InlineData("registry.example.com/", "no repository name")]
    [InlineData("", "no repository name")]
    [InlineData("https://user:secret@registry.example.com/a", "")]
    public void Parse_Malformed_NamesTheField(string text, string why)
    {
        var refusal = Assert.Throws<OciException>(() => ImageReference.Parse(text, "base_image"));

        Assert.StartsWith("base_image '", refusal.Message);
        Assert.Contains(why, refusal.Message);
    }
}
