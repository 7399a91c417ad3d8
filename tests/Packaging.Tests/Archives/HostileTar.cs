using System.Formats.Tar;
using System.Text;

namespace AgentKernel.Packaging.Tests.Archives;

/// <summary>Archives as a stranger might send them, made by another writer than the one under test.</summary>
internal sealed class HostileTar : IDisposable
{
    private readonly MemoryStream _bytes = new();
    private readonly TarWriter _writer;

    public HostileTar(TarEntryFormat format = TarEntryFormat.Pax) => _writer = new(_bytes, format, leaveOpen: true);

    public HostileTar File(string name, string content = "content") => Add(new PaxTarEntry(TarEntryType.RegularFile, name)
    {
        DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)),
    });

    public HostileTar Folder(string name) => Add(new PaxTarEntry(TarEntryType.Directory, name));

    public HostileTar SymbolicLink(string name, string target) => Add(new PaxTarEntry(TarEntryType.SymbolicLink, name) { LinkName = target });

    public HostileTar HardLink(string name, string target) => Add(new PaxTarEntry(TarEntryType.HardLink, name) { LinkName = target });

    public HostileTar Special(string name, TarEntryType type) => Add(new PaxTarEntry(type, name));

    public Stream Stream()
    {
        _writer.Dispose();
        return new MemoryStream(_bytes.ToArray());
    }

    public void Dispose()
    {
        _writer.Dispose();
        _bytes.Dispose();
    }

    private HostileTar Add(TarEntry entry)
    {
        _writer.WriteEntry(entry);
        return this;
    }
}
