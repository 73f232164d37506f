import Foundation
import Testing

@testable import Backup

/// Whoever wrote the repository must not get a byte outside of the folder that is restored to.
@Suite struct HostileBackupTests {
  private func entry(_ path: String, _ kind: SnapshotEntry.Kind, target: String? = nil) -> SnapshotEntry {
    SnapshotEntry(
      path: path, rawPath: nil, kind: kind, mode: 0o755, user: "nobody", group: "nogroup", modifiedSeconds: 0,
      modifiedNanoseconds: 0, changedSeconds: 0, changedNanoseconds: 0, inode: 1, size: 0, chunks: [],
      target: target.map { Data($0.utf8) })
  }

  private func restore(_ entries: [SnapshotEntry], _ folder: BackupFolder) throws {
    try folder.write("a", [1])
    try folder.take()
    let reader = try BackupReader(folder.open())
    try reader.restore(entries, to: "\(folder.root)/target", ownerships: false, place: { $0.path })
  }

  @Test(arguments: ["../outside", "a/../../outside", "/outside", "a//b", "./a", "a/.."])
  func pathsThatLeadElsewhereAreRefused(_ path: String) throws {
    let folder = try BackupFolder()
    #expect(throws: BackupError.self) { try restore([entry(path, .file)], folder) }
    #expect(!FileManager.default.fileExists(atPath: "\(folder.root)/outside"))
  }

  @Test func nothingIsWrittenThroughALink() throws {
    let folder = try BackupFolder()
    try FileManager.default.createDirectory(atPath: "\(folder.root)/elsewhere", withIntermediateDirectories: true)
    let entries = [entry("sub", .link, target: "\(folder.root)/elsewhere"), entry("sub/file", .file)]
    #expect(throws: BackupError.self) { try restore(entries, folder) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.root)/elsewhere").isEmpty)
    let other = try BackupFolder()
    let twice = [entry("file", .link, target: "\(other.root)/made"), entry("file", .file)]
    #expect(throws: BackupError.self) { try restore(twice, other) }
    #expect(!FileManager.default.fileExists(atPath: "\(other.root)/made"))
  }

  @Test func aFolderWithThingsInItIsNotRestoredTo() throws {
    let folder = try BackupFolder()
    try FileManager.default.createDirectory(atPath: "\(folder.root)/target", withIntermediateDirectories: true)
    try Data([1]).write(to: URL(fileURLWithPath: "\(folder.root)/target/mine"))
    #expect(throws: BackupError.self) { try restore([entry("a", .file)], folder) }
  }
}
