using System.Runtime.InteropServices;

namespace AgentKernel.AgentRuntime.Configuration;

/// <summary>What the agent takes from its environment at start, before anything else can read it.</summary>
internal sealed partial record HostEnvironment(ModelKeys Keys, string? NotifySocket, string? TelemetryHeaders)
{
    // May hold the collector's key.
    private const string TelemetryHeadersVariable = "OTEL_EXPORTER_OTLP_HEADERS";
    private const string AgentIdVariable = "AGENTKERNEL_AGENT_ID";

    // A record prints its members; this one holds keys.
    public override string ToString() => nameof(HostEnvironment);

    /// <summary>
    /// Reads the keys and takes them out of the process: a tool runs as the same user and could read them in
    /// /proc, and a vendor's SDK would find its own variables by itself and take another key than configured.
    /// </summary>
    public static HostEnvironment Take()
    {
        var taken = new HostEnvironment(
            new ModelKeys(Read("LLM_API_KEY"), Read("OPENAI_API_KEY")), Read("NOTIFY_SOCKET"), Read(TelemetryHeadersVariable));
        foreach (var name in Names())
        {
            if (IsSecret(name))
                Erase(name);
        }
        return taken;
    }

    /// <summary>Whether a variable is the agent's alone: model keys and what configures vendors' SDKs, and the kernel's own.</summary>
    public static bool IsSecret(string name) =>
        name is "LLM_API_KEY" or "NOTIFY_SOCKET" or TelemetryHeadersVariable
        || name.StartsWith("OPENAI_", StringComparison.Ordinal)
        || name.StartsWith("ANTHROPIC_", StringComparison.Ordinal)
        || (name.StartsWith("AGENTKERNEL_", StringComparison.Ordinal) && name != AgentIdVariable);

    /// <summary>A variable as it stands now; null where it is not set or empty.</summary>
    public static string? Read(string name) => Marshal.PtrToStringUTF8(GetEnv(name)) is { Length: > 0 } value ? value : null;

    // Straight from libc: .NET copies the environment at its first look, and its copy would outlive the erasing.
    private static List<string> Names()
    {
        var names = new List<string>();
        var library = NativeLibrary.GetMainProgramHandle();
        var environ = Marshal.ReadIntPtr(NativeLibrary.GetExport(library, "environ"));
        for (var at = environ; at != 0 && Marshal.ReadIntPtr(at) is not 0 and var entry; at += IntPtr.Size)
        {
            if (Marshal.PtrToStringUTF8(entry) is { } text && text.IndexOf('=', StringComparison.Ordinal) is > 0 and var end)
                names.Add(text[..end]);
        }
        return names;
    }

    private static void Erase(string name)
    {
        // unsetenv only forgets the pointer; the text stays in the memory that /proc/<pid>/environ shows.
        for (var at = GetEnv(name); at != 0 && Marshal.ReadByte(at) != 0; at++)
            Marshal.WriteByte(at, 0);
        _ = UnsetEnv(name);
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetEnv(string name);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnsetEnv(string name);
}
