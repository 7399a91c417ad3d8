namespace AgentKernel.Packaging.Backends.Oci.Layers;

/// <summary>What becomes a layer.</summary>
/// <param name="CreatedBy">For the image's history.</param>
internal abstract record LayerSource(string CreatedBy);

/// <summary>A folder's content: the same files with the same permissions give the same layer.</summary>
/// <param name="Folder">What goes into it.</param>
/// <param name="Prefix">Where in the image: a path without slashes at its ends, or empty for the root.</param>
internal sealed record FolderLayer(string Folder, string Prefix, string CreatedBy) : LayerSource(CreatedBy)
{
    /// <summary>Keeps permissions as they are. Otherwise whoever runs in the image can read what the owner can.</summary>
    public bool KeepModes { get; init; }
}

/// <summary>A tar archive as it is, with its owners: a root file system, by somebody who is trusted.</summary>
internal sealed record TarLayer(string File, string CreatedBy) : LayerSource(CreatedBy);
