namespace AgentKernel.Cli.Demos;

/// <summary>The bundle of <see cref="TeamScenarioDemo"/>: a program, and the texts that it measures.</summary>
internal static class TeamScenarioBundle
{
    private const UnixFileMode Executable =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private const string Program =
        """
        #!/bin/sh
        # textstat NAME: how long a text is, and its longest word.
        exec awk '{ words += NF; for (i = 1; i <= NF; i++) if (length($i) > length(longest)) longest = $i }
          END { printf "%d lines, %d words, longest word: %s\n", NR, words, longest }' "$(dirname "$0")/../texts/$1.txt"

        """;

    private const string Tide =
        """
        Twice a day the moon comes by
        and lifts the water to the sky
        unhurriedly and without a sound

        """;

    private const string Shore =
        """
        The shore keeps nothing it is given
        but footprints

        """;

    public static void Write(string folder)
    {
        Directory.CreateDirectory(Path.Combine(folder, "bin"));
        Directory.CreateDirectory(Path.Combine(folder, "texts"));
        File.WriteAllText(Path.Combine(folder, "bin", "textstat"), Program);
        File.SetUnixFileMode(Path.Combine(folder, "bin", "textstat"), Executable);
        File.WriteAllText(Path.Combine(folder, "texts", "tide.txt"), Tide);
        File.WriteAllText(Path.Combine(folder, "texts", "shore.txt"), Shore);
    }
}
