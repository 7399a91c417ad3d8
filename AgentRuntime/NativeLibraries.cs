using System.Reflection;
using System.Runtime.InteropServices;

namespace AgentKernel.AgentRuntime;

/// <summary>Where native imports are found.</summary>
internal static class NativeLibraries
{
    /// <summary>
    /// Takes the C library that the process has loaded already. Left to itself the runtime tries half a dozen
    /// file names first, among them a linker script.
    /// </summary>
    public static void UseLoadedC() => NativeLibrary.SetDllImportResolver(
        Assembly.GetExecutingAssembly(), (name, _, _) => name == "libc" ? NativeLibrary.GetMainProgramHandle() : 0);
}
