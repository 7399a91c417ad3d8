namespace AgentKernel.Egress;

/// <summary>A unix socket to listen on. What is left of an earlier one at its path is replaced.</summary>
/// <param name="Path">At most 107 bytes; its folder exists.</param>
public sealed record EgressSocket(string Path)
{
    /// <summary>Who may connect: whoever may write.</summary>
    public UnixFileMode Mode { get; init; } = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The user that it is given to, which only root can do; null: this process's own.</summary>
    public int? UserId { get; init; }

    /// <summary>The group that it is given to; null: this process's own.</summary>
    public int? GroupId { get; init; }
}
