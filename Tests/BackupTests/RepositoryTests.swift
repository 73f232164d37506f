import Foundation
import Testing

@testable import Backup

/// What is taken comes back, once each, and damage is found.
@Suite struct RepositoryTests {
  private func sample() throws -> (BackupFolder, [String: [UInt8]]) {
    let folder = try BackupFolder()
    let files: [String: [UInt8]] = [
      "empty": [], "one": [7], "text": Array(String(repeating: "the same line\n", count: 5_000).utf8),
      "deep/er/noise": BackupFolder.noise(3_500_000, seed: 5), "exact": BackupFolder.noise(1024 * 1024, seed: 6),
      "names/with space, and ü": [1, 2, 3], "zeros": [UInt8](repeating: 0, count: 2_200_000),
    ]
    for (name, bytes) in files { try folder.write(name, bytes, mode: name == "one" ? 0o640 : 0o600) }
    try FileManager.default.createSymbolicLink(atPath: "\(folder.data)/link", withDestinationPath: "deep/er/noise")
    return (folder, files)
  }

  @Test(arguments: [nil, "a pass phrase of some length"]) func everythingComesBack(_ passPhrase: String?) throws {
    let (folder, files) = try sample()
    let report = try folder.take(passPhrase: passPhrase)
    #expect(report.findings.isEmpty)
    #expect(report.snapshot.files == files.count)
    let restored = try folder.restore(report.snapshot, passPhrase: passPhrase)
    for (name, bytes) in files { #expect(BackupFolder.bytes("\(restored)/\(name)") == bytes, "\(name)") }
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(restored)/link") == "deep/er/noise")
    let mode = try FileManager.default.attributesOfItem(atPath: "\(restored)/one")[.posixPermissions] as? Int
    #expect(mode == 0o640)
    #expect(try BackupReader(folder.open(passPhrase)).verify([report.snapshot]).findings.isEmpty)
  }

  @Test func zerosStayHoles() throws {
    let (folder, _) = try sample()
    let restored = try folder.restore(try folder.take().snapshot)
    var status = stat()
    #expect(stat("\(restored)/zeros", &status) == 0 && status.st_size == 2_200_000 && status.st_blocks < 100)
  }

  @Test func namesThatAreNoTextComeBack() throws {
    let folder = try BackupFolder()
    let name: [CChar] = Array("\(folder.data)/".utf8).map { CChar(bitPattern: $0) } + [CChar(bitPattern: 0xFF), 65, 0]
    let descriptor = open(name, O_CREAT | O_WRONLY, 0o600)
    try #require(descriptor >= 0)
    close(descriptor)
    let report = try folder.take()
    let reader = try BackupReader(folder.open())
    let entry = try #require(try reader.entries(of: report.snapshot).first { $0.kind == .file })
    #expect(entry.bytes.suffix(2) == [0xFF, 65])
  }

  @Test func aSecondBackupTakesOnlyWhatIsNew() throws {
    let (folder, _) = try sample()
    let first = try folder.take()
    let second = try folder.take()
    #expect(second.filesRead == 0 && second.snapshot.added < 20_000)
    try folder.write("deep/er/noise", BackupFolder.noise(3_500_000, seed: 5) + [1, 2, 3])
    let third = try folder.take()
    // The three whole chunks are known; the last, which grew, is not.
    #expect(third.filesRead == 1)
    #expect(third.snapshot.added < 500_000 && third.snapshot.added < first.snapshot.added / 4)
    let restored = try folder.restore(third.snapshot)
    #expect(BackupFolder.bytes("\(restored)/deep/er/noise")?.count == 3_500_003)
    let old = try folder.restore(first.snapshot)
    #expect(BackupFolder.bytes("\(old)/deep/er/noise")?.count == 3_500_000)
  }

  @Test func contentThatChangedInPlaceAtTheSameTimeIsSeen() throws {
    let folder = try BackupFolder()
    try folder.write("a", [1, 2, 3])
    let time = Date(timeIntervalSince1970: 1_700_000_000)
    try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: "\(folder.data)/a")
    try folder.take()
    let handle = try #require(FileHandle(forWritingAtPath: "\(folder.data)/a"))
    try handle.write(contentsOf: Data([9, 9, 9]))
    try handle.close()
    try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: "\(folder.data)/a")
    let restored = try folder.restore(try folder.take().snapshot)
    #expect(BackupFolder.bytes("\(restored)/a") == [9, 9, 9])
  }

  @Test func everyDamageIsFound() throws {
    let (folder, _) = try sample()
    let snapshot = try folder.take().snapshot
    for pack in try folder.repositoryFiles("packs") {
      let whole = try #require(BackupFolder.bytes(pack))
      for position in stride(from: 0, to: whole.count, by: max(1, whole.count / 7)) {
        var damaged = whole
        damaged[position] ^= 0x20
        try Data(damaged).write(to: URL(fileURLWithPath: pack))
        let findings: [String]
        do { findings = try BackupReader(folder.open()).verify([snapshot]).findings } catch { findings = ["\(error)"] }
        #expect(!findings.isEmpty, "byte \(position) of \(pack)")
      }
      try Data(whole.dropLast(9)).write(to: URL(fileURLWithPath: pack))
      #expect(try !BackupReader(folder.open()).verify([snapshot]).findings.isEmpty)
      try FileManager.default.removeItem(atPath: pack)
      #expect(try !BackupReader(folder.open()).verify([snapshot]).findings.isEmpty)
      try Data(whole).write(to: URL(fileURLWithPath: pack))
    }
    #expect(try BackupReader(folder.open()).verify([snapshot]).findings.isEmpty)
  }

  @Test func aBackupThatWasBrokenOffLeavesNothingBehind() throws {
    let (folder, _) = try sample()
    let first = try folder.take()
    let stray = "\(folder.place)/packs/\(String(repeating: "ab", count: 16))"
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: stray))
    try folder.take()
    #expect(!FileManager.default.fileExists(atPath: stray))
    #expect(try BackupReader(folder.open()).verify([first.snapshot]).findings.isEmpty)
  }

  @Test func onlyOneCommandWorksOnARepository() throws {
    let (folder, _) = try sample()
    try folder.take()
    let lock = try FolderPlace(folder.place).lock()
    #expect(throws: BackupError.self) { try folder.take() }
    withExtendedLifetime(lock) {}
  }

  @Test func prunedBackupsGiveTheirRoomBack() throws {
    let (folder, _) = try sample()
    try folder.take(label: "first")
    try folder.write("deep/er/noise", BackupFolder.noise(3_500_000, seed: 77))
    try folder.take()
    try folder.write("exact", [4])
    let last = try folder.take()
    let pruned = try folder.open().prune(KeepRule(last: 1, daily: 0, monthly: 0))
    #expect(pruned.removed.count == 2 && pruned.freed > 3_000_000)
    #expect(try folder.open().snapshots().map(\.id) == [last.snapshot.id])
    let verification = try BackupReader(folder.open()).verify([last.snapshot])
    #expect(verification.findings.isEmpty && verification.chunks > 4)
    let restored = try folder.restore(last.snapshot)
    #expect(BackupFolder.bytes("\(restored)/deep/er/noise") == BackupFolder.noise(3_500_000, seed: 77))
    // And the repository goes on from there.
    #expect(try folder.take().filesRead == 0)
  }

  @Test func theRuleKeepsTheNewestOfEachPeriod() {
    let stamps = [
      "2026-01-01T0100Z-a", "2026-01-01T0200Z-b", "2026-01-31T0100Z-c", "2026-02-01T0100Z-d", "2026-02-02T0100Z-e",
    ]
    let snapshots = stamps.enumerated().map { index, id in
      Snapshot(
        id: id, milliseconds: Int64(index), host: "", version: "", data: "", label: nil, files: 0, bytes: 0, added: 0,
        tree: [])
    }
    #expect(KeepRule(last: 1, daily: 0, monthly: 0).kept(snapshots) == ["2026-02-02T0100Z-e"])
    #expect(KeepRule(last: 0, daily: 0, monthly: 2).kept(snapshots) == ["2026-02-02T0100Z-e", "2026-01-31T0100Z-c"])
    #expect(
      KeepRule(last: 0, daily: 4, monthly: 0).kept(snapshots)
        == ["2026-02-02T0100Z-e", "2026-02-01T0100Z-d", "2026-01-31T0100Z-c", "2026-01-01T0200Z-b"])
  }

  @Test func aFolderWithOtherThingsIsNoRepository() throws {
    let folder = try BackupFolder()
    try FileManager.default.createDirectory(atPath: folder.place, withIntermediateDirectories: true)
    try Data([1]).write(to: URL(fileURLWithPath: "\(folder.place)/something"))
    #expect(throws: BackupError.self) { try folder.take() }
    #expect(throws: BackupError.self) { try folder.open() }
  }
}
