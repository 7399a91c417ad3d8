using System.Text;
using AgentKernel.ServiceDefaults;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// What is the same in all sandboxes and not the host's: who the user is, who <c>localhost</c> is, and the filter of
/// system calls. Kept in the folder <c>bwrap</c> of the data directory, which sandboxes have to read.
/// </summary>
internal sealed class SandboxFiles(LockedDataDirectory home)
{
    /// <summary>The names of those that belong in <c>/etc</c>.</summary>
    public static readonly IReadOnlyList<string> Settings = ["passwd", "group", "hosts", "nsswitch.conf"];

    /// <summary>The name of the program that carries connections out of sandboxes and into them.</summary>
    public const string Forwarder = "forward.pl";

    private const string Filter = "filter";

    private readonly Lock _writing = new();
    private bool _written;

    /// <summary>Where they are.</summary>
    public string Folder { get; } = home.Combine("bwrap");

    /// <summary>The path of the filter.</summary>
    public string FilterPath => Path.Combine(Folder, Filter);

    /// <summary>Writes them anew at this kernel's first call: an earlier one's may have been different.</summary>
    public void Write()
    {
        lock (_writing)
        {
            if (_written)
            {
                return;
            }

            DataDirectory.CreateFolder(Folder);
            Readable(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            Write("passwd", "agent:x:1000:1000:agent:/workspace:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
            Write("group", "agent:x:1000:\nnogroup:x:65534:\n");
            Write("hosts", "127.0.0.1 localhost agent\n::1 localhost\n");
            Write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n");
            Write(Forwarder, EmbeddedForwarder());
            DataDirectory.WriteAtomically(FilterPath, SeccompFilter.Build());
            _written = true;
        }
    }

    private static string EmbeddedForwarder()
    {
        using var reader = new StreamReader(typeof(SandboxFiles).Assembly.GetManifestResourceStream(Forwarder)!); // the project embeds it
        return reader.ReadToEnd();
    }

    private void Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        DataDirectory.WriteAtomically(path, Encoding.UTF8.GetBytes(text));
        Readable(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    private static void Readable(string path, UnixFileMode mode) => File.SetUnixFileMode(path, mode);
}
