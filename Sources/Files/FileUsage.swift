import Glibc
import Services
import Synchronization
import SystemShims

/// How many bytes the files of a tree have, kept up to date by those who write through it, and counted anew from time to time,
/// since others may remove and add files as well.
///
/// Where it has a file of its own, all processes that open that file share the count: an upload over FTP and one over HTTP
/// can't exceed a quota together. Sizes count, not blocks: a sparse file counts with its whole length.
final class FileUsage: Sendable {
  /// What a process keeps of the count: the numbers' places.
  ///
  /// Unchecked: the memory is only touched by atomic operations, and given back when nobody refers to this any more.
  private final class Numbers: @unchecked Sendable {
    static let count: Int32 = 2
    /// Bytes, and behind them the second since 1970 of the last count, 0 for never.
    let place: UnsafeMutablePointer<Int64>
    private let isMapped: Bool

    init(_ mapped: UnsafeMutablePointer<Int64>?) {
      isMapped = mapped != nil
      place = mapped ?? .allocate(capacity: Int(Self.count))
      if mapped == nil { place.initialize(repeating: 0, count: Int(Self.count)) }
    }

    deinit {
      if isMapped { portside_unmap_counters(place, Self.count) } else { place.deallocate() }
    }

    var bytes: UnsafeMutablePointer<Int64> { place }
    var counted: UnsafeMutablePointer<Int64> { place + 1 }
  }

  /// Seconds that a count is believed.
  private static let lifetime: Int64 = 600
  /// How long it is believed where it leads to a refusal.
  private static let lifetimeWhenFull: Int64 = 10
  /// Folders within folders that are looked into.
  private static let maximumDepth = 64

  private let numbers: Numbers
  /// Held while the first count is made: nobody takes anything before.
  private let first = Mutex(())

  /// A count for this process alone.
  init() { numbers = Numbers(nil) }

  /// A count that is kept in a file, which is made where it is missing.
  init(file: String) throws(FileError) {
    let descriptor = Descriptor(Glibc.open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600))
    guard descriptor.number >= 0 else { throw FileError(errno) }
    guard let mapped = portside_map_counters(descriptor.number, Numbers.count) else { throw FileError(errno) }
    numbers = Numbers(mapped)
  }

  /// Takes so many bytes more, if they fit.
  func take(_ count: Int64, limit: Int64, of store: any FileStore) throws(FileError) {
    guard count > 0 else { return }
    refresh(store, after: Self.lifetime)
    if portside_counter_add(numbers.bytes, count, limit) == 1 { return }
    refresh(store, after: Self.lifetimeWhenFull)
    guard portside_counter_add(numbers.bytes, count, limit) == 1 else { throw .quotaExceeded }
  }

  /// Gives bytes back.
  func release(_ count: Int64) {
    if count > 0 { _ = portside_counter_add(numbers.bytes, -count, .max) }
  }

  func bytes(in store: any FileStore) -> Int64 {
    refresh(store, after: Self.lifetime)
    return portside_counter_read(numbers.bytes)
  }

  private func refresh(_ store: any FileStore, after age: Int64) {
    if portside_counter_read(numbers.counted) == 0 {
      return first.withLock { _ in
        if portside_counter_read(numbers.counted) == 0 { recount(store, since: 0) }
      }
    }
    let counted = portside_counter_read(numbers.counted)
    let seconds = Int64(time(nil))
    // Only one counts; the others go on with what is known. A clock that was set back makes a count old, too.
    guard seconds < counted || seconds - counted > age,
      portside_counter_exchange(numbers.counted, counted, seconds) == 1
    else { return }
    recount(store, since: seconds)
  }

  private func recount(_ store: any FileStore, since seconds: Int64) {
    let before = portside_counter_read(numbers.bytes)
    let found = Self.count(store, FilePath(), depth: 0)
    // What was taken and given back meanwhile stays so.
    let (difference, overflow) = found.subtractingReportingOverflow(before)
    if !overflow { _ = portside_counter_add(numbers.bytes, difference, .max) }
    if seconds == 0 { portside_counter_write(numbers.counted, Int64(time(nil))) }
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
