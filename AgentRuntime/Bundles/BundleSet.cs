using System.Text;
using AgentKernel.AgentRuntime.Configuration;
using AgentKernel.AgentRuntime.Tools;

namespace AgentKernel.AgentRuntime.Bundles;

/// <summary>
/// All bundles of the agent, those of its image and those that were loaded since, and what follows from them: skills for the
/// system prompt, and where programs and modules are found. Replaced as a whole when one is added, so that any thread may read it.
/// </summary>
internal sealed class BundleSet
{
    private const int MaxSkills = 200;
    private const int MaxDepth = 8;

    private readonly Lock _adding = new();
    private readonly string? _image;
    private State _state = new([], [], "");

    /// <param name="image">The folder of the agent's image; null for none.</param>
    /// <exception cref="ConfigException">It is not what an image is.</exception>
    public BundleSet(string? image)
    {
        _image = image;
        foreach (var bundle in image is null ? [] : ImageFolder.Read(image))
            Add(bundle);
    }

    public IReadOnlyList<Bundle> Bundles => _state.Bundles;

    public IReadOnlyList<Skill> Skills => _state.Skills;

    /// <summary>What the system prompt has to say of the skills; empty where there are none.</summary>
    public string Prompt => _state.Prompt;

    /// <summary>Adds a bundle, in place of one of that name.</summary>
    public void Add(Bundle bundle)
    {
        lock (_adding)
        {
            Bundle[] bundles = [.. _state.Bundles.Where(present => present.Name != bundle.Name), bundle];
            var skills = bundles.SelectMany(SkillsOf).Take(MaxSkills).ToArray();
            _state = new State(bundles, skills, PromptOf(skills));
        }
    }

    /// <summary>Puts helpers on PATH and PYTHONPATH, before what is there; what was added last comes first.</summary>
    public void AddTo(Dictionary<string, string> environment)
    {
        var helpers = _state.Bundles.Where(bundle => bundle.Type == Bundle.Helpers).Select(bundle => bundle.Path).Reverse().ToArray();
        var (paths, modules) = (new List<string>(), new List<string>(helpers));
        foreach (var helper in helpers)
            paths.AddRange([helper, Path.Join(helper, "bin")]);
        if (_image is not null)
        {
            paths.AddRange([Path.Join(_image, "dependencies/python/bin"), Path.Join(_image, "dependencies/node/node_modules/.bin")]);
            modules.Add(Path.Join(_image, "dependencies/python"));
            Prepend(environment, "NODE_PATH", [Path.Join(_image, "dependencies/node/node_modules")]);
        }
        Prepend(environment, "PATH", paths);
        Prepend(environment, "PYTHONPATH", modules);
    }

    private static void Prepend(Dictionary<string, string> environment, string variable, IEnumerable<string> folders)
    {
        var present = folders.Where(Directory.Exists).ToList();
        if (present.Count > 0)
            environment[variable] = string.Join(':', environment.TryGetValue(variable, out var before) && before.Length > 0 ? present.Append(before) : present);
    }

    private static IEnumerable<Skill> SkillsOf(Bundle bundle)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = MaxDepth, AttributesToSkip = FileAttributes.ReparsePoint };
        return Directory.Exists(bundle.Path)
            ? Directory.EnumerateFiles(bundle.Path, Skill.FileName, options).Order(StringComparer.Ordinal)
                .Select(path => Skill.Read(path, Path.Join(bundle.Name, Path.GetRelativePath(bundle.Path, path)))).OfType<Skill>()
            : [];
    }

    private static string PromptOf(Skill[] skills)
    {
        if (skills.Length == 0)
            return "";
        var text = new StringBuilder(
            """


            # Skills
            There are instructions for some kinds of tasks. Before you do a task that one of them is for, read its file in full, and follow it. Paths in it are relative to its folder.

            """);
        foreach (var skill in skills)
            text.Append($"- {skill.Name}: {skill.Description} (file: {skill.Path})\n");
        return text.ToString().TrimEnd('\n');
    }

    private sealed record State(IReadOnlyList<Bundle> Bundles, IReadOnlyList<Skill> Skills, string Prompt);
}
