using AgentKernel.Contracts.Bus;

namespace AgentKernel.AgentBus.Log;

/// <summary>Gathers a page until it is full: by the number of its entries, or by their size.</summary>
internal sealed class PageBuilder(long start, long end, int max)
{
    /// <summary>A client takes 4 MiB a message unless it was told otherwise; a single larger entry goes alone.</summary>
    public const int MaxBytes = 2 * 1024 * 1024;

    private readonly List<BusEntry> _entries = [];
    private long _bytes;
    private bool _cutOff;

    /// <summary>Where to begin.</summary>
    public long Start { get; } = Math.Max(start, 0);

    /// <summary>Whether one more of this size has a place. Once it has not, the page is full and known not to be complete.</summary>
    public bool HasPlaceFor(int bytes)
    {
        _cutOff |= _entries.Count == max || (_entries.Count > 0 && _bytes + bytes > MaxBytes);
        return !_cutOff;
    }

    /// <summary>Adds an entry where it has a place.</summary>
    public bool TryAdd(BusEntry entry, int bytes)
    {
        if (!HasPlaceFor(bytes))
        {
            return false;
        }

        _entries.Add(entry);
        _bytes += bytes;
        return true;
    }

    public LogPage Build() => new(_entries, _cutOff ? _entries[^1].Header.LogPosition + 1 : Math.Max(Start, end), !_cutOff);
}
