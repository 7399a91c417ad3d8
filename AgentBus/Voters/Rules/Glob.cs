namespace AgentKernel.AgentBus.Voters.Rules;

/// <summary>A pattern for one word: <c>*</c>, <c>?</c> and <c>[…]</c>, all of the word.</summary>
internal sealed class Glob(string pattern)
{
    private readonly bool _isPlain = pattern.AsSpan().IndexOfAny("*?[") < 0;

    public bool Matches(string word)
    {
        if (_isPlain)
        {
            return word == pattern;
        }
        // Only the last star is gone back to: at most the product of both lengths, and patterns are short.
        var (at, p, star, starAt) = (0, 0, -1, 0);
        while (at < word.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, starAt) = (p++, at);
            }
            else if (p < pattern.Length && Takes(p, word[at], out var next))
            {
                (at, p) = (at + 1, next);
            }
            else if (star >= 0)
            {
                (p, at) = (star + 1, ++starAt);
            }
            else
            {
                return false;
            }
        }
        return pattern.AsSpan(p).TrimStart('*').IsEmpty;
    }

    public override string ToString() => pattern;

    private bool Takes(int p, char character, out int next)
    {
        next = p + 1;
        var close = pattern[p] == '[' ? pattern.IndexOf(']', p + 1) : -1;
        if (close <= p + 1)
        {
            return pattern[p] == '?' || pattern[p] == character;
        }
        next = close + 1;
        for (var i = p + 1; i < close; i++)
        {
            if (i + 2 < close && pattern[i + 1] == '-')
            {
                if (character >= pattern[i] && character <= pattern[i + 2])
                {
                    return true;
                }
                i += 2;
            }
            else if (pattern[i] == character)
            {
                return true;
            }
        }
        return false;
    }
}
