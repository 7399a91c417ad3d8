using System.CommandLine;
using System.Text.Json.Nodes;
using AgentKernel.Cli.Terminal;
using AgentKernel.Host;
using Spectre.Console;

namespace AgentKernel.Cli.Commands;

/// <summary><c>doctor</c>: what works on this machine, and what to do about what does not.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new Command("doctor", "Checks what a kernel needs on this machine, and says what to do about what is missing. Fails when a kernel could not run.") { KernelOptions.Config, KernelOptions.Backend };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult command)
    {
        var findings = KernelDoctor.Examine(KernelOptions.Read(command));
        if (new Output(command).Json)
        {
            Output.WriteJson(new JsonObject
            {
                ["checks"] = new JsonArray([.. findings.Select(finding => new JsonObject
                {
                    ["name"] = finding.Name,
                    ["verdict"] = finding.Verdict.ToString().ToLowerInvariant(),
                    ["detail"] = finding.Detail,
                })]),
            });
        }
        else
        {
            foreach (var finding in findings)
            {
                var mark = finding.Verdict switch { Verdict.Good => "[green]ok  [/]", Verdict.Note => "[yellow]note[/]", _ => "[red]bad [/]" };
                AnsiConsole.MarkupLine($"{mark} {Markup.Escape(finding.Name.PadRight(16))} {Markup.Escape(finding.Detail)}");
            }
        }

        return findings.Any(finding => finding.Verdict is Verdict.Bad) ? 1 : 0;
    }
}
