namespace AgentKernel.Rpc.Tests;

public sealed class RpcMetadataTests
{
    [Theory]
    [InlineData("", "v"), InlineData("Upper", "v"), InlineData("a b", "v"), InlineData("grpc-status", "0"), InlineData("content-type", "v"), InlineData("te", "v")]
    [InlineData("x", "ü"), InlineData("x", "a\nb"), InlineData("x-bin", "text")]
    public void Add_WhatCannotTravel_IsRefused(string key, string value) =>
        Assert.Throws<ArgumentException>(() => new RpcMetadata { { key, value } });

    [Fact]
    public void Add_BytesUnderATextKey_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new RpcMetadata { { "x", [1] } });

    [Theory, InlineData(0), InlineData(1), InlineData(2), InlineData(3)]
    public void GetBytes_AnyLength_ComesBack(int length)
    {
        var bytes = Enumerable.Repeat((byte)0xFF, length).ToArray();
        var metadata = new RpcMetadata { { "x-bin", bytes } };
        Assert.Equal(bytes, metadata.GetBytes("x-bin"));
        Assert.DoesNotContain('=', metadata.GetText("x-bin")!);
    }

    [Fact]
    public void Get_UnknownKey_IsNull()
    {
        Assert.Null(new RpcMetadata().GetText("x"));
        Assert.Null(new RpcMetadata().GetBytes("x-bin"));
    }
}
