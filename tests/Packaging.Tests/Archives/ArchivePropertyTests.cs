using AgentKernel.Packaging.Archives;
using FsCheck;
using FsCheck.Fluent;

namespace AgentKernel.Packaging.Tests.Archives;

public sealed class ArchivePropertyTests
{
    private sealed record Draft(EntryKind Kind, string Path, string Target, byte[] Content, int Mode);

    private static Gen<string> Part => Gen.Elements("a", "b", "c", "A", "dé", "..", ".", "x y", new string('n', 101));

    private static Gen<string> PathOf(Gen<string> part) =>
        part.ArrayOf().Select(parts => string.Join('/', parts.Take(5))).Where(path => path.Length > 0);

    private static Gen<Draft> AnyDraft =>
        from kind in Gen.Elements(EntryKind.File, EntryKind.Directory, EntryKind.SymbolicLink, EntryKind.SymbolicLink, EntryKind.HardLink)
        from path in PathOf(Part)
        from target in PathOf(Part)
        from content in ArbMap.Default.GeneratorFor<byte[]>()
        from mode in Gen.Choose(0, 511)
        select new Draft(kind, path, target, content ?? [], mode);

    [Fact]
    public void Extract_WhateverTheArchiveHolds_NothingLeadsOutOfTheFolder() =>
        Prop.ForAll(AnyDraft.ListOf().ToArbitrary(), drafts =>
        {
            using var temporary = new TemporaryFolder();
            var canary = temporary.Write("canary", "alive"u8);
            var folder = temporary.Combine("out");
            try
            {
                Extract(drafts, folder);
            }
            catch (ArchiveException refusal)
            {
                Assert.False(Path.Exists(folder), "a refused archive left files");
                Assert.Contains("'", refusal.Message);
                return;
            }

            Assert.Equal("alive", File.ReadAllText(canary));
            Assert.Equal([canary, folder], Directory.EnumerateFileSystemEntries(temporary.Path).Order(StringComparer.Ordinal));
            foreach (var path in Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None }))
            {
                if (new FileInfo(path).LinkTarget is not null && RealPath(path) is { } real)
                {
                    Assert.True(real == folder || real.StartsWith(folder + "/", StringComparison.Ordinal), $"{path} leads to {real}");
                }
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(400));

    [Fact]
    public void RoundTrip_AnyFolderThatUnpacks_PacksToTheSameListing() =>
        Prop.ForAll(AnyDraft.ListOf().ToArbitrary(), drafts =>
        {
            using var temporary = new TemporaryFolder();
            try
            {
                Extract(drafts, temporary.Combine("first"));
            }
            catch (ArchiveException)
            {
                return;
            }

            using var packed = new MemoryStream();
            FolderArchive.WriteAsync(temporary.Combine("first"), packed, default).GetAwaiter().GetResult();
            packed.Position = 0;
            ArchiveExtractor.ExtractAsync(packed, temporary.Combine("second"), ArchiveLimits.Default, default).GetAwaiter().GetResult();

            Assert.Equal(FolderListing.Of(temporary.Combine("first")), FolderListing.Of(temporary.Combine("second")));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));

    [Fact]
    public void Check_AnyBytes_AreReadOrRefused() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), Gen.Choose(0, 1023).ToArbitrary(), (noise, at) =>
        {
            using var bytes = new MemoryStream();
            var writer = new ArchiveWriter(bytes);
            writer.WriteAsync(ArchiveEntry.File("first", 300), new MemoryStream(new byte[300]), default).GetAwaiter().GetResult();
            writer.CompleteAsync(default).GetAwaiter().GetResult();
            bytes.Position = at;
            bytes.Write(noise ?? []);
            bytes.Position = 0;
            try
            {
                ArchiveExtractor.CheckAsync(bytes, ArchiveLimits.Default, default).GetAwaiter().GetResult();
            }
            catch (ArchiveException)
            {
                // The only way to refuse.
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    private static void Extract(IEnumerable<Draft> drafts, string folder)
    {
        using var bytes = new MemoryStream();
        var writer = new ArchiveWriter(bytes);
        foreach (var draft in drafts)
        {
            var entry = new ArchiveEntry(draft.Path, draft.Kind, (UnixFileMode)draft.Mode,
                draft.Kind is EntryKind.File ? draft.Content.Length : 0,
                draft.Kind is EntryKind.SymbolicLink or EntryKind.HardLink ? draft.Target : null);
            writer.WriteAsync(entry, draft.Kind is EntryKind.File ? new MemoryStream(draft.Content) : null, default).GetAwaiter().GetResult();
        }

        writer.CompleteAsync(default).GetAwaiter().GetResult();
        bytes.Position = 0;
        ArchiveExtractor.ExtractAsync(bytes, folder, ArchiveLimits.Default, default).GetAwaiter().GetResult();
    }

    /// <summary>Where the system itself ends up, or null when there is nothing.</summary>
    private static string? RealPath(string path)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("realpath", ["-m", path]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var real = process.StandardOutput.ReadToEnd().TrimEnd('\n');
        process.WaitForExit();
        return process.ExitCode == 0 ? real : null;
    }
}
