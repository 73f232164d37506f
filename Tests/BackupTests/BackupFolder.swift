import Foundation
import GRDB
import Services

@testable import Backup

/// A folder to take backups of, with a repository beside it; both are removed at the end.
final class BackupFolder {
  let root: String
  var data: String { "\(root)/data" }
  var place: String { "\(root)/repository" }
  private var clock = Int64(Date().timeIntervalSince1970)

  init() throws {
    var template = Array("/tmp/backup-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw BackupError("no folder") }
    root = String(cString: made)
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  func write(_ name: String, _ bytes: [UInt8], mode: Int = 0o600) throws {
    let path = "\(data)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    guard FileManager.default.createFile(atPath: path, contents: Data(bytes), attributes: [.posixPermissions: mode])
    else { throw BackupError("can't write \(path)") }
  }

  /// Bytes that no compressor makes smaller.
  static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed | 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
  }

  var source: BackupSource { BackupSource(data: data) }

  /// An hour later than the one before, so that no file counts as just changed.
  @discardableResult
  func take(
    _ source: BackupSource? = nil, passPhrase: String? = nil, label: String? = nil
  ) throws(BackupError) -> BackupWriter.Report {
    clock += 3600
    let repository = try Repository.openOrMake(FolderPlace(place), passPhrase: passPhrase.map { Secret($0) })
    var writer = BackupWriter(source ?? self.source, to: repository, staging: place)
    return try writer.run(label: label, version: "test", now: WallTime(seconds: clock), besides: [place])
  }

  func open(_ passPhrase: String? = nil) throws(BackupError) -> Repository {
    try Repository.open(FolderPlace(place), passPhrase: passPhrase.map { Secret($0) })
  }

  /// Restores everything into a new folder, whose path comes back.
  func restore(_ snapshot: Snapshot, passPhrase: String? = nil) throws(BackupError) -> String {
    let target = "\(root)/restored-\(snapshot.id)-\(UInt32.random(in: 0...999_999))"
    let reader = try BackupReader(try open(passPhrase))
    try reader.restore(
      try reader.entries(of: snapshot), to: target, ownerships: false,
      place: { $0.path == data ? "" : String($0.path.dropFirst(data.count + 1)) })
    return target
  }

  /// Every file of the repository, for tests that look at or damage bytes.
  func repositoryFiles(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(place)/\(folder)").map { "\(place)/\(folder)/\($0)" }
  }

  static func bytes(_ path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map { [UInt8]($0) } }
}
