using System.Text;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>Text of any length of which the first and the last half of a limit are kept.</summary>
internal sealed class KeptText(int limit)
{
    private readonly StringBuilder _head = new();
    // Grows to twice its share before it is cut back, so that cutting costs little per character.
    private readonly StringBuilder _tail = new();
    private long _cut;

    public void Append(ReadOnlySpan<char> text)
    {
        var toHead = Math.Min(text.Length, limit / 2 - _head.Length);
        _head.Append(text[..toHead]);
        _tail.Append(text[toHead..]);
        if (_tail.Length > limit)
            CutTail();
    }

    public override string ToString()
    {
        CutTail();
        return _cut == 0 ? $"{_head}{_tail}" : $"{_head}\n[… {_cut} characters cut …]\n{_tail}";
    }

    private void CutTail()
    {
        var excess = _tail.Length - (limit - limit / 2);
        if (excess <= 0)
            return;
        _tail.Remove(0, excess);
        _cut += excess;
    }
}
