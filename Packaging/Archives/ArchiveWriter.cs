using System.Buffers;
using System.Globalization;
using System.Text;

namespace AgentKernel.Packaging.Archives;

/// <summary>
/// Writes a tar archive whose bytes depend on the entries alone: owner 0:0 without names, one fixed time, pax headers only
/// for what a plain header cannot hold. It does not dispose of <paramref name="output"/>.
/// </summary>
internal sealed class ArchiveWriter(Stream output)
{
    private const int CopyBytes = 128 * 1024;

    private readonly byte[] _block = new byte[TarBlock.Size];

    /// <summary>
    /// Adds an entry. <paramref name="content"/> is read to its end for a file, and has to have just the length that the
    /// entry says; otherwise <see cref="ArchiveException"/> is thrown, and the archive is spoilt.
    /// </summary>
    public async Task WriteAsync(ArchiveEntry entry, Stream? content, CancellationToken cancellationToken)
    {
        var name = entry.Kind is EntryKind.Directory ? entry.Path + "/" : entry.Path;
        await WriteHeaderAsync(name, entry, cancellationToken);
        if (entry.Kind is EntryKind.File && content is not null)
        {
            await CopyAsync(entry, content, cancellationToken);
        }
        else if (entry.Size > 0)
        {
            throw ArchiveException.OfEntry(entry.Path, "has a length and no content");
        }
    }

    /// <summary>Ends the archive.</summary>
    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        _block.AsSpan().Clear();
        await output.WriteAsync(_block, cancellationToken);
        await output.WriteAsync(_block, cancellationToken);
    }

    private async Task WriteHeaderAsync(string name, ArchiveEntry entry, CancellationToken cancellationToken)
    {
        var extended = new List<(string, string)>();
        if (entry.Target is { } target && !Fits(target))
        {
            extended.Add(("linkpath", target));
        }

        if (!Fits(name))
        {
            extended.Add(("path", name));
        }

        if (entry.Size > TarBlock.MaxOctalSize)
        {
            extended.Add(("size", entry.Size.ToString(CultureInfo.InvariantCulture)));
        }

        if (extended.Count > 0)
        {
            var records = PaxRecords.Format(extended);
            TarBlock.Format(_block, "PaxHeader", 'x', 0b110_100_100, records.Length, null);
            await output.WriteAsync(_block, cancellationToken);
            await output.WriteAsync(records, cancellationToken);
            await PadAsync(records.Length, cancellationToken);
        }

        var type = entry.Kind switch
        {
            EntryKind.File => '0',
            EntryKind.HardLink => '1',
            EntryKind.SymbolicLink => '2',
            _ => '5',
        };
        TarBlock.Format(_block, Shortened(name), type, (int)(entry.Mode & ArchiveEntry.PermissionBits),
            entry.Size > TarBlock.MaxOctalSize ? 0 : entry.Size, entry.Target is null ? null : Shortened(entry.Target));
        await output.WriteAsync(_block, cancellationToken);
    }

    private async Task CopyAsync(ArchiveEntry entry, Stream content, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(entry.Size + 1, 512, CopyBytes));
        try
        {
            long copied = 0;
            // Reads on until the end, so that a file that has grown meanwhile is noticed as well.
            while (await content.ReadAsync(buffer, cancellationToken) is var read and > 0)
            {
                copied += read;
                if (copied > entry.Size)
                {
                    break;
                }

                await output.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }

            if (copied != entry.Size)
            {
                throw ArchiveException.OfEntry(entry.Path, "its length changed while it was read");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        await PadAsync(entry.Size, cancellationToken);
    }

    private async Task PadAsync(long size, CancellationToken cancellationToken)
    {
        if (TarBlock.Padding(size) is var padding and > 0)
        {
            _block.AsSpan().Clear();
            await output.WriteAsync(_block.AsMemory(0, (int)padding), cancellationToken);
        }
    }

    private static bool Fits(string name) => name.Length <= TarBlock.NameBytes && Ascii.IsValid(name);

    /// <summary>What readers without pax see of a name that does not fit: as much of it as does.</summary>
    private static string Shortened(string name)
    {
        var plain = Ascii.IsValid(name) ? name : string.Concat(name.Select(c => char.IsAscii(c) ? c : '_'));
        return plain.Length <= TarBlock.NameBytes ? plain : plain[..TarBlock.NameBytes];
    }
}
