using System.Text;
using System.Text.Json;
using AgentKernel.Contracts.V1;
using AgentKernel.Packaging.Backends.Oci.Images;
using AgentKernel.Rpc;
using AgentKernel.ServiceDefaults;
using Google.Protobuf.WellKnownTypes;

namespace AgentKernel.Packaging.Images;

/// <summary>
/// The images of this machine: a read-only folder each, a record beside it, and names that lead to them. A record is
/// written after its folder and removed before it, so that a folder without one is what a crash has left.
/// </summary>
internal sealed class ImageStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ImageRecord> _images = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _resolved = new(StringComparer.Ordinal);
    private readonly string _root;
    private readonly string _namesRoot;
    private readonly TimeProvider _time;

    public ImageStore(PackagingFolder folder, TimeProvider time)
    {
        (_root, _namesRoot, _time) = (folder.Combine("images"), folder.Combine("names"), time);
        DataDirectory.CreateFolder(_root);
        DataDirectory.CreateFolder(_namesRoot);
        Load();
    }

    /// <summary>Where an image's folder is.</summary>
    public string PathOf(Digest id) => Path.Combine(_root, id.Hex);

    public IReadOnlyList<Image> List()
    {
        lock (_lock)
        {
            return [.. _images.Values.OrderByDescending(image => image.CreatedAt).ThenBy(image => image.Id.Hex, StringComparer.Ordinal).Select(ToMessage)];
        }
    }

    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public Image Get(string idOrName)
    {
        lock (_lock)
        {
            return ToMessage(Find(idOrName));
        }
    }

    /// <summary>The image of this id; null where there is none.</summary>
    public ImageRecord? Known(Digest id)
    {
        lock (_lock)
        {
            return _images.GetValueOrDefault(id.ToString());
        }
    }

    /// <summary>Where an image is, for one who is about to use it.</summary>
    /// <exception cref="RpcException">NOT_FOUND.</exception>
    public (ImageRecord Image, string Path) Resolve(string idOrName)
    {
        lock (_lock)
        {
            var image = Find(idOrName);
            _resolved[image.Id.ToString()] = _time.GetUtcNow();
            return (image, PathOf(image.Id));
        }
    }

    /// <summary>Takes a finished folder as an image's, unless there is one, and lets the name lead to it.</summary>
    /// <param name="folder">Made by the caller on the same disk; null: the image is there already.</param>
    /// <returns>Null when there is neither the folder nor the image.</returns>
    public Image? Publish(ImageRecord image, string? folder, string name)
    {
        var id = image.Id.ToString();
        lock (_lock)
        {
            if (_images.TryGetValue(id, out var present))
            {
                image = present with { Reference = image.Reference.Length > 0 ? image.Reference : present.Reference };
            }
            else if (folder is null)
            {
                return null;
            }
            else
            {
                Directory.Move(folder, PathOf(image.Id));
                ReadOnlyTree.Seal(PathOf(image.Id));
            }

            DataDirectory.WriteAtomically(RecordOf(image.Id), JsonSerializer.SerializeToUtf8Bytes(image, ImageFilesJson.Default.ImageRecord), durable: true);
            DataDirectory.WriteAtomically(Path.Combine(_namesRoot, name), Encoding.ASCII.GetBytes(id), durable: true);
            _images[id] = image;
            _names[name] = id;
            return ToMessage(image);
        }
    }

    /// <summary>Removes a name, and the image with its last one; or, by its id, the image with all names.</summary>
    /// <param name="inUse">The ids and names that agents use.</param>
    /// <param name="since">When that was begun to be found out.</param>
    /// <exception cref="RpcException">NOT_FOUND; FAILED_PRECONDITION when it is in use.</exception>
    public void Delete(string idOrName, IReadOnlySet<string> inUse, DateTimeOffset since)
    {
        lock (_lock)
        {
            var image = Find(idOrName);
            if (idOrName != image.Id.ToString() && NamesOf(image).Count() > 1)
            {
                Unname(idOrName);
                return;
            }

            if (IsUsed(image, inUse, since))
            {
                throw new RpcException(RpcStatusCode.FailedPrecondition, $"image: an agent uses '{idOrName}'; end it before");
            }

            Remove(image);
        }
    }

    /// <summary>Removes images that no agent uses.</summary>
    /// <param name="named">Also those that a name leads to.</param>
    /// <param name="inUse">The ids and names that agents use.</param>
    /// <param name="since">When that was begun to be found out: whoever asked for an image later, uses it.</param>
    public IReadOnlyList<Image> Prune(bool named, IReadOnlySet<string> inUse, DateTimeOffset since)
    {
        lock (_lock)
        {
            var removed = _images.Values.Where(image => (named || !NamesOf(image).Any()) && !IsUsed(image, inUse, since)).ToList();
            var messages = removed.ConvertAll(ToMessage);
            removed.ForEach(Remove);
            return messages;
        }
    }

    /// <summary>The blobs that images are made of.</summary>
    public IReadOnlySet<Digest> Digests()
    {
        lock (_lock)
        {
            return _images.Values.SelectMany(image => image.Inputs.Bundles).Select(bundle => Digest.TryParse(bundle.Digest)).OfType<Digest>().ToHashSet();
        }
    }

    private bool IsUsed(ImageRecord image, IReadOnlySet<string> inUse, DateTimeOffset since) =>
        inUse.Contains(image.Id.ToString()) || NamesOf(image).Any(inUse.Contains)
        || (_resolved.TryGetValue(image.Id.ToString(), out var at) && at >= since);

    private ImageRecord Find(string idOrName) =>
        _images.GetValueOrDefault(_names.GetValueOrDefault(idOrName, idOrName))
        ?? throw new RpcException(RpcStatusCode.NotFound, $"image: there is no image '{idOrName}'");

    private IEnumerable<string> NamesOf(ImageRecord image)
    {
        var id = image.Id.ToString();
        return _names.Where(pair => pair.Value == id).Select(pair => pair.Key).Order(StringComparer.Ordinal);
    }

    private void Remove(ImageRecord image)
    {
        NamesOf(image).ToList().ForEach(Unname);
        _images.Remove(image.Id.ToString());
        _resolved.Remove(image.Id.ToString());
        File.Delete(RecordOf(image.Id));
        DataDirectory.DeleteFolder(PathOf(image.Id));
    }

    private void Unname(string name)
    {
        File.Delete(Path.Combine(_namesRoot, name));
        _names.Remove(name);
    }

    private string RecordOf(Digest id) => PathOf(id) + ".json";

    private void Load()
    {
        foreach (var folder in Directory.EnumerateDirectories(_root))
        {
            if (Read(folder + ".json") is { } image && image.Id.Hex == Path.GetFileName(folder))
            {
                _images[image.Id.ToString()] = image;
            }
            else
            {
                DataDirectory.DeleteFolder(folder);
            }
        }

        foreach (var file in Directory.EnumerateFiles(_namesRoot))
        {
            var id = File.ReadAllText(file);
            if (_images.ContainsKey(id))
            {
                _names[Path.GetFileName(file)] = id;
            }
            else
            {
                File.Delete(file);
            }
        }
    }

    private static ImageRecord? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ImageFilesJson.Default.ImageRecord);
        }
        catch (Exception exception) when (exception is FileNotFoundException or JsonException)
        {
            return null;
        }
    }

    private Image ToMessage(ImageRecord image)
    {
        var message = new Image
        {
            Id = image.Id.ToString(),
            BaseImage = image.Inputs.BaseImage,
            CreatedAt = image.CreatedAt.ToTimestamp(),
            SizeBytes = image.SizeBytes,
            Files = image.Files,
            Reference = image.Reference,
        };
        message.Names.Add(NamesOf(image));
        message.Bundles.Add(image.Inputs.Bundles.Select(bundle => new ImageBundle { Name = bundle.Name, Type = bundle.Type, Digest = bundle.Digest }));
        return message;
    }
}
