using System.Globalization;
using System.Runtime.InteropServices;
using AgentKernel.Spawner.Processes;

namespace AgentKernel.Spawner.Backends.Bubblewrap;

/// <summary>
/// The user of this machine that a sandbox runs as. Where the kernel is root, one of the agent's own, without a name or a
/// right here; elsewhere the kernel's user, which alone it can be. Inside, both are called <c>agent</c>.
/// </summary>
/// <param name="Apart">Whether it is another than the kernel's.</param>
internal sealed record SandboxUser(uint User, uint Group, bool Apart)
{
    // What systemd's table of user ids has for nobody: above those of its containers, and positive for old programs.
    private const uint First = 0x70000000;
    private const uint Count = 0x10000000;

    /// <summary>The same for an agent at each call, so that nothing need be kept.</summary>
    public static SandboxUser Of(string agentId) =>
        Environment.IsPrivilegedProcess ? Own(agentId) : new(NativeMethods.EffectiveUser(), NativeMethods.EffectiveGroup(), Apart: false);

    internal static SandboxUser Own(string agentId)
    {
        var digits = agentId.Replace("-", "", StringComparison.Ordinal)[..8];
        var id = First + (uint.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture) % Count);
        return new(id, id, Apart: true);
    }

    /// <summary>Makes a file or folder this user's.</summary>
    /// <exception cref="IOException">The file system does not have it.</exception>
    public void Take(string path)
    {
        if (Apart && NativeMethods.ChangeOwner(path, User, Group) != 0)
        {
            throw new IOException($"'{Path.GetFileName(path)}' cannot be given to the agent's own user: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }
}
