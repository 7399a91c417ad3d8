using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>Bounded reading and whole-file replacing, with errors that name the path as the model gave it.</summary>
internal static partial class TextFile
{
    /// <summary>In bytes; what a model can make sense of is far smaller.</summary>
    public const int MaxBytes = 10 * 1024 * 1024;

    private const int ReadOnlyNonBlockingCloseOnExec = 0x800 | 0x80000;

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static async Task<string> ReadAsync(string path, string given, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path))
            throw new ToolInputException($"'{given}' is a directory.");
        if (!File.Exists(path))
            throw new ToolInputException($"'{given}' does not exist.");
        // Non-blocking, because .NET's own open would wait for ever on a named pipe.
        using var handle = Open(path, ReadOnlyNonBlockingCloseOnExec);
        if (handle.IsInvalid)
            throw new ToolInputException($"'{given}' cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}.");
        await using var file = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        if (!file.CanSeek)
            throw new ToolInputException($"'{given}' is not a regular file.");
        if (file.Length > MaxBytes)
            throw new ToolInputException($"'{given}' has {file.Length} bytes; the limit is {MaxBytes}.");
        var bytes = new byte[file.Length];
        var read = await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        try
        {
            return s_strict.GetString(bytes, 0, read);
        }
        catch (DecoderFallbackException)
        {
            throw new ToolInputException($"'{given}' is not UTF-8 text.");
        }
    }

    /// <summary>Replaces the file in one step, so that a cancelled or failed write leaves the old one.</summary>
    /// <returns>How many bytes were written.</returns>
    public static async Task<int> WriteAsync(string path, string given, string text, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path))
            throw new ToolInputException($"'{given}' is a directory.");
        var bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > MaxBytes)
            throw new ToolInputException($"The content has {bytes.Length} bytes; the limit is {MaxBytes}.");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var aside = $"{path}.{Path.GetRandomFileName()}";
        try
        {
            await File.WriteAllBytesAsync(aside, bytes, cancellationToken);
            if (File.Exists(path))
                File.SetUnixFileMode(aside, File.GetUnixFileMode(path));
            File.Move(aside, path, overwrite: true);
        }
        catch
        {
            File.Delete(aside);
            throw;
        }
        return bytes.Length;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial SafeFileHandle Open(string path, int flags);
}
