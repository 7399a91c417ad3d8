using System.CommandLine;
using System.Runtime.InteropServices;
using AgentKernel.ImageBuilder;
using AgentKernel.Packaging.Archives;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Packaging.Backends.Oci.Registry;

using var interrupted = new CancellationTokenSource();
using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => { signal.Cancel = true; interrupted.Cancel(); });
using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => { signal.Cancel = true; interrupted.Cancel(); });
try
{
    return await BuildCommand.Create().Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupted.Token);
}
catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
{
    return 1;
}
catch (Exception failure) when (failure is OciException or RegistryException or ArchiveException or IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"image builder: {failure.Message}");
    return 1;
}
