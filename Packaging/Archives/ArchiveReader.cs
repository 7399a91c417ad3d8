using System.Globalization;

namespace AgentKernel.Packaging.Archives;

/// <summary>
/// Reads a tar archive (ustar, pax, GNU's long names) that may be hostile, entry by entry, with memory bounded whatever it
/// claims. It checks the form; whether the paths may be unpacked is <see cref="ArchiveTree"/>'s to say. It does not dispose
/// of <paramref name="input"/>.
/// </summary>
internal sealed class ArchiveReader(Stream input, ArchiveLimits limits)
{
    /// <summary>Enough for the longest paths; what does not fit is refused.</summary>
    private const int MaxExtendedBytes = 64 * 1024;

    private readonly byte[] _block = new byte[TarBlock.Size];
    private long _remaining;
    private long _padding;
    private long _headers;
    private string _current = "";

    /// <summary>The next entry, its path normalised, or null after the last one. What is left of the entry before is skipped.</summary>
    public async Task<ArchiveEntry?> NextAsync(CancellationToken cancellationToken)
    {
        Dictionary<string, string> extended = [];
        while (true)
        {
            await SkipRestAsync(cancellationToken);
            await ReadBlockAsync(cancellationToken);
            if (TarBlock.IsZero(_block))
            {
                return null;
            }

            // Headers that describe others count too, or an archive of nothing else would never end.
            if (++_headers > 3L * limits.MaxEntries)
            {
                throw new ArchiveException($"the archive has more than {limits.MaxEntries} entries");
            }

            if (!TarBlock.HasValidChecksum(_block) || !TarBlock.TrySize(_block, out var size) || !TarBlock.TryMode(_block, out var mode))
            {
                throw new ArchiveException(_headers == 1 ? "this is no tar archive" : $"the archive is damaged after entry {ArchiveException.Quoted(_current)}");
            }

            switch (TarBlock.Type(_block))
            {
                case 'x':
                    extended = PaxRecords.Parse(await ReadExtendedAsync(size, cancellationToken));
                    continue;
                case 'g':
                    await ReadExtendedAsync(size, cancellationToken);
                    continue;
                case 'L':
                    extended["path"] = Text(await ReadExtendedAsync(size, cancellationToken));
                    continue;
                case 'K':
                    extended["linkpath"] = Text(await ReadExtendedAsync(size, cancellationToken));
                    continue;
                case var type:
                    var entry = Entry(type, size, mode, extended);
                    extended = [];
                    if (entry is not null)
                    {
                        return entry;
                    }

                    continue;
            }
        }
    }

    /// <summary>The current file's content, to be read before the next entry.</summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (_remaining == 0 || buffer.IsEmpty)
        {
            return 0;
        }

        var read = await ReadInputAsync(buffer[..(int)Math.Min(buffer.Length, _remaining)], cancellationToken);
        if (read == 0)
        {
            throw ArchiveException.OfEntry(_current, "the archive ends in the middle of it");
        }

        _remaining -= read;
        return read;
    }

    /// <summary>The entry of the current header; null for one of the root itself.</summary>
    private ArchiveEntry? Entry(char type, long size, UnixFileMode mode, Dictionary<string, string> extended)
    {
        var name = extended.GetValueOrDefault("path") ?? TarBlock.Name(_block);
        _current = name;
        if (extended.TryGetValue("size", out var text) && !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out size))
        {
            throw ArchiveException.OfEntry(name, "its length is no number");
        }

        var kind = type switch
        {
            '0' or '\0' or '7' => name.EndsWith('/') ? EntryKind.Directory : EntryKind.File,
            '1' => EntryKind.HardLink,
            '2' => EntryKind.SymbolicLink,
            '5' => EntryKind.Directory,
            '3' or '4' => throw ArchiveException.OfEntry(name, "is a device"),
            '6' => throw ArchiveException.OfEntry(name, "is a pipe"),
            _ => throw ArchiveException.OfEntry(name, $"is of the type {ArchiveException.Quoted(type.ToString())}, which is not supported"),
        };
        if (extended.Keys.Any(key => key.StartsWith("GNU.sparse.", StringComparison.Ordinal)))
        {
            throw ArchiveException.OfEntry(name, "is a sparse file, which is not supported");
        }

        var path = ArchivePath.Normalise(name);
        if (kind is EntryKind.File)
        {
            (_remaining, _padding) = (size, TarBlock.Padding(size));
        }
        else
        {
            size = 0;
        }

        if (path.Length == 0)
        {
            return kind is EntryKind.Directory ? null : throw ArchiveException.OfEntry(name, "has no name");
        }

        var target = kind is EntryKind.SymbolicLink or EntryKind.HardLink ? extended.GetValueOrDefault("linkpath") ?? TarBlock.Target(_block) : null;
        return new(path, kind, mode, size, target);
    }

    private async Task<byte[]> ReadExtendedAsync(long size, CancellationToken cancellationToken)
    {
        if (size > MaxExtendedBytes)
        {
            throw new ArchiveException($"the archive has a header of {size} bytes after entry {ArchiveException.Quoted(_current)}; at most {MaxExtendedBytes} are read");
        }

        var bytes = new byte[size];
        await ReadExactlyAsync(bytes, cancellationToken);
        _padding = TarBlock.Padding(size);
        return bytes;
    }

    private async Task SkipRestAsync(CancellationToken cancellationToken)
    {
        _remaining += _padding;
        _padding = 0;
        var scratch = _remaining > 0 ? new byte[Math.Min(_remaining, 64 * 1024)] : [];
        while (_remaining > 0)
        {
            await ReadAsync(scratch, cancellationToken);
        }
    }

    private Task ReadBlockAsync(CancellationToken cancellationToken) => ReadExactlyAsync(_block, cancellationToken);

    private async Task ReadExactlyAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (!buffer.IsEmpty)
        {
            var read = await ReadInputAsync(buffer, cancellationToken);
            if (read == 0)
            {
                throw new ArchiveException(_headers == 0 ? "this is no tar archive: it is too short" : $"the archive ends too early, after entry {ArchiveException.Quoted(_current)}");
            }

            buffer = buffer[read..];
        }
    }

    private async ValueTask<int> ReadInputAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await input.ReadAsync(buffer, cancellationToken);
        }
        catch (InvalidDataException damaged)
        {
            throw new ArchiveException("the archive's compressed data is damaged", damaged);
        }
    }

    private static string Text(byte[] bytes) => System.Text.Encoding.UTF8.GetString(bytes).TrimEnd('\0');
}
