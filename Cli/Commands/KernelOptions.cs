using System.CommandLine;
using AgentKernel.Host;

namespace AgentKernel.Cli.Commands;

/// <summary>The options of the commands that run a kernel themselves.</summary>
internal static class KernelOptions
{
    public static readonly Option<string?> Config = new("--config") { Description = "Settings of the kernel, e.g. agentkernel.yaml", HelpName = "FILE" };
    public static readonly Option<string?> Backend = new("--backend") { Description = "Where agents run: local or bwrap [default: local]", HelpName = "NAME" };
    public static readonly Option<bool> Debug = new("--debug") { Description = "Keeps the folders of ended agents for inspection" };

    /// <summary>What the file says, and over it what the command line says.</summary>
    public static AgentKernelHostOptions Read(ParseResult command)
    {
        var options = new AgentKernelHostOptions { Home = command.GetValue(CommonOptions.Home) };
        if (command.GetValue(Config) is { } file)
        {
            options = KernelConfigFile.Read(file, options);
        }

        return options with
        {
            Spawner = options.Spawner with
            {
                Backend = command.GetValue(Backend) ?? options.Spawner.Backend,
                Debug = command.GetValue(Debug) || options.Spawner.Debug,
            },
        };
    }
}
