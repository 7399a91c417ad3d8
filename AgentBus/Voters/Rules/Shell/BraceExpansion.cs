namespace AgentKernel.AgentBus.Voters.Rules.Shell;

/// <summary><c>{a,b}</c> and <c>{1..9}</c>, over words whose other parts are not expanded yet.</summary>
internal static class BraceExpansion
{
    private const int MaxWords = 128;

    public static IEnumerable<IReadOnlyList<WordPart>> Expand(IReadOnlyList<WordPart> parts)
    {
        if (!parts.Any(part => part is LiteralPart { Quoted: false } literal && literal.Text.Contains('{', StringComparison.Ordinal)))
        {
            return [parts];
        }
        var results = new List<IReadOnlyList<WordPart>>();
        var waiting = new Stack<List<WordPart>>();
        waiting.Push(Explode(parts));
        while (waiting.TryPop(out var word))
        {
            if (results.Count + waiting.Count > MaxWords || ExpandFirst(word) is not { } alternatives)
            {
                results.Add(word);
                continue;
            }
            foreach (var alternative in alternatives.AsEnumerable().Reverse())
            {
                waiting.Push(alternative);
            }
        }
        return results;
    }

    /// <summary>One part for each brace and comma, so that they can be told from quoted ones.</summary>
    private static List<WordPart> Explode(IReadOnlyList<WordPart> parts)
    {
        var result = new List<WordPart>();
        foreach (var part in parts)
        {
            if (part is not LiteralPart { Quoted: false } literal)
            {
                result.Add(part);
                continue;
            }
            var start = 0;
            for (var at = 0; at < literal.Text.Length; at++)
            {
                if (literal.Text[at] is '{' or '}' or ',')
                {
                    if (at > start)
                    {
                        result.Add(new LiteralPart(literal.Text[start..at], false));
                    }
                    result.Add(new LiteralPart(literal.Text[at].ToString(), false));
                    start = at + 1;
                }
            }
            if (start < literal.Text.Length)
            {
                result.Add(new LiteralPart(literal.Text[start..], false));
            }
        }
        return result;
    }

    /// <returns>The words that the first expandable brace makes; null where there is none.</returns>
    private static List<List<WordPart>>? ExpandFirst(List<WordPart> word)
    {
        var tries = 0;
        for (var open = 0; open < word.Count && tries < 16; open++)
        {
            if (!Is(word[open], "{"))
            {
                continue;
            }
            tries++;
            if (FindAlternatives(word, open, out var close) is { } alternatives)
            {
                return [.. alternatives.Select(alternative => (List<WordPart>)[.. word[..open], .. alternative, .. word[(close + 1)..]])];
            }
        }
        return null;
    }

    private static List<List<WordPart>>? FindAlternatives(List<WordPart> word, int open, out int close)
    {
        var alternatives = new List<List<WordPart>>();
        var depth = 0;
        var start = open + 1;
        for (close = open + 1; close < word.Count; close++)
        {
            if (Is(word[close], "{"))
            {
                depth++;
            }
            else if (Is(word[close], "}") && depth-- == 0)
            {
                break;
            }
            else if (Is(word[close], ",") && depth == 0)
            {
                alternatives.Add(word[start..close]);
                start = close + 1;
            }
        }
        if (close >= word.Count)
        {
            return null;
        }
        if (alternatives.Count > 0)
        {
            alternatives.Add(word[start..close]);
            return alternatives;
        }
        return word[(open + 1)..close] is [LiteralPart { Quoted: false } range] ? Range(range.Text) : null;
    }

    private static List<List<WordPart>>? Range(string text)
    {
        var bounds = text.Split("..");
        if (bounds.Length is not (2 or 3))
        {
            return null;
        }
        if (int.TryParse(bounds[0], out var first) && int.TryParse(bounds[1], out var last))
        {
            return Math.Abs((long)last - first) < 20
                ? [.. Steps(first, last).Select(number => Word($"{number}"))]
                : [Word("*")];
        }
        return bounds[0].Length == 1 && bounds[1].Length == 1
            ? [.. Steps(bounds[0][0], bounds[1][0]).Select(letter => Word(((char)letter).ToString()))]
            : null;
    }

    private static IEnumerable<int> Steps(int first, int last) =>
        first <= last ? Enumerable.Range(first, last - first + 1) : Enumerable.Range(last, first - last + 1).Reverse();

    private static List<WordPart> Word(string text) => [new LiteralPart(text, false)];

    private static bool Is(WordPart part, string text) => part is LiteralPart { Quoted: false } literal && literal.Text == text;
}
