using System.Text;
using AgentKernel.AgentGateway.Turns;

namespace AgentKernel.AgentGateway.Tests;

public sealed class EventScannerTests
{
    private const string Stream =
        "data: a\n\n: c\n\ndata:b\r\ndata: c\r\n\r\nevent: x\rdata\rdata: d\r\rid: 1\n\ndatas: no\n\ndata:  e\n\n\n\ndata: \u00fc\n\nda";

    private static readonly string[] Expected = ["a", "b\nc", "\nd", " e", "ü"];

    [Fact]
    public void Scan_AnyCut_FindsTheSameEvents()
    {
        var bytes = Encoding.UTF8.GetBytes(Stream);
        for (var first = 0; first <= bytes.Length; first++)
        {
            for (var second = first; second <= bytes.Length; second++)
            {
                Assert.Equal(Expected, Scan(bytes, first, second, bytes.Length));
            }
        }
    }

    [Theory]
    [InlineData("""{"body":"","done":true}""", true)]
    [InlineData("""{ "done" : true , "body" : "x" }""", true)]
    [InlineData("""{"done":false}""", false)]
    [InlineData("""{"body":"\"done\":true","done":false}""", false)]
    [InlineData("""{"event":{"done":true},"done":false}""", false)]
    [InlineData("""{"event":[{"done":true}]}""", false)]
    [InlineData("""{"done":"true"}""", false)]
    [InlineData("""{"done":true""", false)]
    [InlineData("""["done",true]""", false)]
    [InlineData("done true", false)]
    public void IsDone_OnlyTheFieldItself_Counts(string data, bool done) => Assert.Equal(done, EventScanner.IsDone(Encoding.UTF8.GetBytes(data)));

    // As the stream does it: reads up to each cut, takes whole events out, and moves what is left to the front.
    private static List<string> Scan(byte[] bytes, params int[] cuts)
    {
        var scanner = new EventScanner();
        var found = new List<string>();
        var (buffer, taken, read) = (Array.Empty<byte>(), 0, 0);
        foreach (var cut in cuts)
        {
            scanner.Shift(taken);
            buffer = [.. buffer[taken..], .. bytes[read..cut]];
            (taken, read) = (0, cut);
            while (scanner.TryNext(buffer))
            {
                if (scanner.HasData)
                {
                    found.Add(Encoding.UTF8.GetString(scanner.Data(buffer)));
                }

                taken = scanner.EventEnd;
            }
        }

        return found;
    }
}
