using System.Globalization;

namespace AgentKernel.AgentRuntime.Tools;

/// <summary>A process as proc(5) shows it in /proc/[pid]/stat.</summary>
/// <param name="StartTime">Clock ticks since boot; with the id it names one process for ever.</param>
internal sealed record ProcessStat(int Id, char State, int Parent, int Session, long StartTime)
{
    /// <summary>A zombie is dead: only its parent's look is missing.</summary>
    public bool IsDead => State is 'Z' or 'X';

    public static ProcessStat? Read(int id)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{id}/stat");
            if (text.Length == 0)
                return null;
            // The name stands in parentheses and may hold anything, so counting begins behind the last one.
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return new ProcessStat(id, fields[0][0], Number(fields[1]), Number(fields[3]),
                long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null; // ended meanwhile
        }
    }

    private static int Number(string field) => int.Parse(field, CultureInfo.InvariantCulture);
}
