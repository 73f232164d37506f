import Services
import Synchronization

/// How many bytes the files of a tree have, kept up to date by those who write through it, and counted anew from time to time,
/// since others may remove and add files as well.
///
/// Sizes count, not blocks: a sparse file counts with its whole length.
final class FileUsage: Sendable {
  private struct State {
    var bytes: Int64 = 0
    /// When it was last counted; `nil` for never.
    var counted: ContinuousClock.Instant?
  }

  /// How long a count is believed.
  private static let lifetime = Duration.seconds(600)
  /// How long it is believed where it leads to a refusal.
  private static let lifetimeWhenFull = Duration.seconds(10)
  /// Folders within folders that are looked into.
  private static let maximumDepth = 64

  private let state = Mutex(State())

  /// Takes so many bytes more, if they fit.
  func take(_ count: Int64, limit: Int64, of store: any FileStore) throws(FileError) {
    guard count > 0 else { return }
    refresh(store, after: Self.lifetime)
    if add(count, limit: limit) { return }
    refresh(store, after: Self.lifetimeWhenFull)
    guard add(count, limit: limit) else { throw .quotaExceeded }
  }

  private func add(_ count: Int64, limit: Int64) -> Bool {
    state.withLock { state in
      let (sum, overflow) = state.bytes.addingReportingOverflow(count)
      guard !overflow, sum <= limit else { return false }
      state.bytes = sum
      return true
    }
  }

  /// Gives bytes back.
  func release(_ count: Int64) { state.withLock { $0.bytes = max(0, $0.bytes - max(0, count)) } }

  func bytes(in store: any FileStore) -> Int64 {
    refresh(store, after: Self.lifetime)
    return state.withLock { $0.bytes }
  }

  private func refresh(_ store: any FileStore, after age: Duration) {
    let isDue = state.withLock { state in
      // Only one counts; the others go on with what is known.
      guard state.counted.map({ ContinuousClock.now - $0 > age }) ?? true else { return false }
      state.counted = .now
      return true
    }
    guard isDue else { return }
    let bytes = Self.count(store, FilePath(), depth: 0)
    state.withLock { $0.bytes = bytes }
  }

  private static func count(_ store: any FileStore, _ folder: FilePath, depth: Int) -> Int64 {
    guard depth < maximumDepth, let directory = try? store.openDirectory(folder) else { return 0 }
    var bytes: Int64 = 0
    while let entries = try? directory.next(256), !entries.isEmpty {
      for entry in entries where !entry.name.elementsEqual(".".utf8) && !entry.name.elementsEqual("..".utf8) {
        switch entry.attributes.kind {
        case .directory:
          if let inner = folder.appending(entry.name) { bytes &+= count(store, inner, depth: depth + 1) }
        // A file with several names counts once for them all, as nearly as that can be said without a list of them.
        case .file: bytes &+= Int64(clamping: entry.attributes.size / max(1, entry.attributes.links))
        case .symbolicLink, .other: break
        }
      }
    }
    return bytes
  }
}
