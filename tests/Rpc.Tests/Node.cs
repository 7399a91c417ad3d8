using System.Reflection;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace AgentKernel.Rpc.Tests;

/// <summary>The npm packages that the tests check us against.</summary>
internal static class Node
{
    private static readonly Lazy<string?> Missing = new(() => ChildProcess.WhyMissing("node") ?? ChildProcess.WhyMissing("npm"));
    private static readonly Lazy<Task> Installed = new(() => Task.Run(Install));

    public static string Directory { get; } = typeof(Node).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "NodeDirectory").Value!; // set in the project file

    /// <summary>Skips the test where there is no node; where CI owns the tools, that is a failure.</summary>
    public static async Task RequireAsync()
    {
        if (Missing.Value is { } reason)
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", reason);
            Assert.Skip(reason);
        }
        await Installed.Value;
    }

    /// <summary>Writes the echo service and all it imports as a FileDescriptorSet, and returns the file's path.</summary>
    public static string WriteDescriptorSet()
    {
        var files = new List<FileDescriptor>();
        void Add(FileDescriptor file)
        {
            foreach (var dependency in file.Dependencies)
                Add(dependency);
            if (!files.Contains(file))
                files.Add(file);
        }
        Add(EchoReflection.Descriptor);
        var set = new FileDescriptorSet();
        set.File.Add(files.Select(f => f.ToProto()));
        // What protoc embeds in C# lacks the names that fields have in JSON, and readers do not make them up.
        foreach (var (file, proto) in files.Zip(set.File))
            NameFields(file.MessageTypes, proto.MessageType);
        var path = Path.Combine(AppContext.BaseDirectory, "echo.binpb");
        lock (Missing)
            File.WriteAllBytes(path, set.ToByteArray());
        return path;
    }

    private static void NameFields(IEnumerable<MessageDescriptor> types, IEnumerable<DescriptorProto> protos)
    {
        foreach (var (type, proto) in types.Zip(protos))
        {
            foreach (var field in proto.Field)
                field.JsonName = type.FindFieldByNumber(field.Number).JsonName;
            NameFields(type.NestedTypes, proto.NestedType);
        }
    }

    private static void Install()
    {
        // Other test processes may be at it too. A mutex belongs to a thread, so this one waits.
        using var mutex = new Mutex(initiallyOwned: false, "agentkernel-rpc-tests-npm-ci");
        try
        {
            mutex.WaitOne();
        }
        catch (AbandonedMutexException)
        {
            // Whoever held it has died; what is installed is looked at below in any case.
        }
        try
        {
            var installed = new FileInfo(Path.Combine(Directory, "node_modules", ".package-lock.json"));
            if (!installed.Exists || installed.LastWriteTimeUtc < File.GetLastWriteTimeUtc(Path.Combine(Directory, "package-lock.json")))
                ChildProcess.RunAsync("npm", ["ci"], Directory, TimeSpan.FromMinutes(5)).GetAwaiter().GetResult();
        }
        finally
        {
            mutex.ReleaseMutex();
        }
    }
}
