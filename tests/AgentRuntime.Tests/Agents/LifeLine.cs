using System.Runtime.InteropServices;

namespace AgentKernel.AgentRuntime.Tests.Agents;

/// <summary>
/// A named pipe that a command holds open, and with it everything it starts. The first line says that the
/// command is running; the end of the pipe says that the last of its processes is dead.
/// </summary>
internal sealed partial class LifeLine : IDisposable
{
    private readonly string _path;
    private Task<StreamReader>? _reader;

    public LifeLine(AgentProcess agent)
    {
        _path = Path.Join(agent.Workspace, "lifeline");
        Assert.Equal(0, MakeFifo(_path, 0x180));
    }

    /// <summary>To stand before what the command does.</summary>
    public const string Hold = "exec 3>lifeline; echo running >&3; ";

    public async Task RunningAsync()
    {
        // Opening waits for the command's end of the pipe.
        _reader ??= Task.Run(() => new StreamReader(new FileStream(_path, FileMode.Open, FileAccess.Read)));
        Assert.Equal("running", await Deadline.For(async stop => await (await _reader.WaitAsync(stop)).ReadLineAsync(stop), () => "the command to run"));
    }

    public async Task DeadAsync() =>
        Assert.Equal("", await Deadline.For(async stop => await (await _reader!).ReadToEndAsync(stop), () => "the death of all that the command started"));

    /// <summary>The other way round: feeds a command that reads from the pipe.</summary>
    public Task WriteAsync(string text) => Deadline.For(stop => Task.Run(() => File.WriteAllText(_path, text), stop), () => "the command to read");

    public void Dispose()
    {
        if (_reader is { IsCompletedSuccessfully: true })
            _reader.Result.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);
}
