import Foundation
import Glibc

/// Reads a backup: checks it, or writes its files somewhere.
public struct BackupReader {
  private let repository: Repository

  public init(_ repository: Repository) throws(BackupError) {
    self.repository = repository
    try repository.loadIndex()
  }

  /// The files of a snapshot.
  public func entries(of snapshot: Snapshot) throws(BackupError) -> [SnapshotEntry] {
    try repository.entries(of: snapshot)
  }

  // MARK: Verifying

  public struct Verification: Sendable {
    public var snapshots = 0
    public var chunks = 0
    public var bytes: Int64 = 0
    public var findings: [String] = []
  }

  /// Whether everything that the snapshots refer to is there, and, unless `namesOnly`, what it was when it was written.
  public func verify(
    _ snapshots: [Snapshot], namesOnly: Bool = false, progress: (Int) -> Void = { _ in }
  ) -> Verification {
    var result = Verification()
    var seen: Set<ChunkID> = []
    for snapshot in snapshots {
      result.snapshots += 1
      for id in snapshot.tree where seen.insert(id).inserted { check(id, "the list of \(snapshot.id)", false, &result) }
      let entries: [SnapshotEntry]
      do { entries = try repository.entries(of: snapshot) } catch {
        result.findings.append("\(snapshot.id): \(error)")
        continue
      }
      for entry in entries {
        for id in entry.chunks where seen.insert(id).inserted {
          check(id, entry.path, namesOnly, &result)
          if result.chunks % 64 == 0 { progress(result.chunks) }
        }
      }
    }
    return result
  }

  private func check(_ id: ChunkID, _ user: String, _ namesOnly: Bool, _ result: inout Verification) {
    result.chunks += 1
    guard let place = repository.index.places[id] else {
      return result.findings.append("\(user): chunk \(id) is missing")
    }
    result.bytes += Int64(place.size)
    guard !namesOnly else { return }
    do { _ = try repository.chunk(id) } catch { result.findings.append("\(user): \(error)") }
  }

  // MARK: Restoring

  /// Writes files below `target`, which must be empty or not exist.
  ///
  /// - Parameters:
  ///   - isWanted: Whether an entry is to be written; folders above it are made in any case.
  ///   - place: Where an entry goes, relative to `target`; `nil`: nowhere.
  ///   - ownerships: Whether users and groups are given back what was theirs, which needs root.
  /// - Returns: How many files were written.
  @discardableResult
  public func restore(
    _ entries: [SnapshotEntry], to target: String, ownerships: Bool, place: (SnapshotEntry) -> String?,
    progress: (Int64) -> Void = { _ in }
  ) throws(BackupError) -> Int {
    var writer = try RestoreTarget(target, ownerships: ownerships)
    var (files, bytes) = (0, Int64(0))
    for entry in entries {
      guard let relative = place(entry) else { continue }
      try writer.begin(entry, at: relative)
      if entry.kind == .file {
        try writer.file(entry, at: relative) { (descriptor) throws(BackupError) in
          var offset: Int64 = 0
          for id in entry.chunks {
            let content = try repository.chunk(id)
            try writer.write(content, to: descriptor, at: offset)
            offset += Int64(content.count)
          }
        }
        files += 1
        bytes += entry.size
        progress(bytes)
      }
    }
    try writer.finish()
    return files
  }

  /// The content of one small file.
  public func content(of entry: SnapshotEntry, limit: Int64 = 64 * 1024 * 1024) throws(BackupError) -> [UInt8] {
    guard entry.size <= limit else { throw BackupError("\(entry.path) is larger than \(limit) bytes") }
    var bytes: [UInt8] = []
    for id in entry.chunks { bytes += try repository.chunk(id) }
    return bytes
  }
}
