using System.Runtime.InteropServices;

namespace AgentKernel.Spawner.Tests;

/// <summary>What tests want of the machine they run on.</summary>
internal static partial class Machine
{
    /// <summary>The path of a program; a test without it is skipped, and fails where the build owns the machine.</summary>
    public static string Program(string name)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (path is null)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", $"{name} is not installed");
            Assert.Fail($"{name} is not installed, and CI is to have it");
        }

        return path;
    }

    /// <summary>Makes a FIFO and holds it open both ways: a signal that waits for whoever asks for it, on either side.</summary>
    public static FileStream Fifo(string path)
    {
        Assert.Equal(0, MkFifo(path, 0x180)); // 0600
        return new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MkFifo(string path, uint mode);
}
