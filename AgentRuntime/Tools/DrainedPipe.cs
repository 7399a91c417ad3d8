using System.Text;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>Reads a pipe to its end, whatever comes, and keeps the beginning and the end of it as text.</summary>
internal sealed class DrainedPipe
{
    // After the program's end its own output is in the pipe already, so a pipe that is quiet this long has no more of it.
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(50);
    private const int MaxQuietWaits = 10;

    private readonly Lock _reading = new();
    private readonly Task _drained;
    private KeptText? _kept;
    private long _bytes;

    public DrainedPipe(Stream pipe, int keptCharacters)
    {
        _kept = new KeptText(keptCharacters);
        _drained = DrainAsync(pipe);
    }

    /// <summary>Whether every writer has closed it.</summary>
    public bool IsClosed => _drained.IsCompleted;

    /// <summary>
    /// What the program wrote, to be called once after it has ended. A background process that it left may
    /// hold the pipe for ever: what comes after this call is thrown away.
    /// </summary>
    public async Task<string> TakeAsync()
    {
        for (var waits = 0; waits < MaxQuietWaits; waits++)
        {
            var before = Interlocked.Read(ref _bytes);
            await Task.WhenAny(_drained, Task.Delay(s_quiet));
            if (_drained.IsCompleted || Interlocked.Read(ref _bytes) == before)
                break;
        }
        lock (_reading)
        {
            var text = _kept?.ToString() ?? "";
            _kept = null;
            return text;
        }
    }

    private async Task DrainAsync(Stream pipe)
    {
        var buffer = new byte[8_192];
        var characters = new char[buffer.Length + 1];
        var decoder = Encoding.UTF8.GetDecoder();
        try
        {
            for (int read; (read = await pipe.ReadAsync(buffer)) > 0;)
            {
                lock (_reading)
                    _kept?.Append(characters.AsSpan(0, decoder.GetChars(buffer.AsSpan(0, read), characters, flush: false)));
                Interlocked.Add(ref _bytes, read);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // Disposed under the read: the agent has let go of the program, and nobody wants the rest.
        }
    }
}
