import NIOCore
import NIOPosix
import Services
import Synchronization
import WireKit

/// A request's path within a site, as a number.
struct FileKey: Hashable {
  let number: UInt64

  /// `seed` is secret, so that nobody outside can make paths that meet.
  init(site: UInt64, path: RawSpan, seed: UInt64) {
    var hash = seed ^ site
    for index in 0..<path.byteCount {
      hash = (hash ^ UInt64(path.byte(at: index) ?? 0)) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 29
    }
    number = hash
  }
}

/// The files that one event loop served lately. What was looked up is believed for a second.
final class OpenFileCache {
  static let lifetime: Int64 = 1_000_000_000
  static let maximumFiles = 4096
  static let maximumMemory = 16 * 1024 * 1024
  /// Descriptors are scarce: 1024 a process is a common limit.
  static let maximumDescriptors = 64

  let seed = UInt64.random(in: .min ... .max)
  private var files: [FileKey: CachedFile] = [:]
  private var memory = 0
  private var descriptors = 0

  /// The file, if it was looked at lately.
  func find(_ key: FileKey, _ path: RawSpan, now: Int64) -> CachedFile? {
    guard let file = stale(key, path), now - file.checked < Self.lifetime else { return nil }
    return file
  }

  /// The file, however long ago it was looked at.
  func stale(_ key: FileKey, _ path: RawSpan) -> CachedFile? {
    guard let file = files[key], file.path.count == path.byteCount else { return nil }
    for index in 0..<path.byteCount where file.path[index] != path.byte(at: index) { return nil }
    return file
  }

  /// Keeps a file. A full cache is emptied: what is asked for often is soon back, and nothing has to be kept in order.
  func insert(_ key: FileKey, _ file: CachedFile) {
    if let old = files.removeValue(forKey: key) { count(old, -1) }
    if files.count >= Self.maximumFiles || memory + file.memory > Self.maximumMemory
      || descriptors >= Self.maximumDescriptors && file.holdsDescriptor
    {
      files.removeAll(keepingCapacity: true)
      memory = 0
      descriptors = 0
    }
    files[key] = file
    count(file, 1)
  }

  private func count(_ file: CachedFile, _ sign: Int) {
    memory += sign * file.memory
    descriptors += file.holdsDescriptor ? sign : 0
  }
}

/// The caches of all event loops.
///
/// Unchecked, because a cache is no `Sendable`: each thread sees none but its own.
final class FileCaches: @unchecked Sendable {
  private let local = ThreadSpecificVariable<OpenFileCache>()
  private let sites = Atomic<UInt64>(0)
  private let clock: any Clock

  init(clock: any Clock) { self.clock = clock }

  /// The cache of the event loop that this is called on, and the time in nanoseconds.
  func cache(for eventLoop: any EventLoop) -> (OpenFileCache, now: Int64) {
    eventLoop.assertInEventLoop()
    let now = Int64(clamping: clock.now().nanoseconds)
    if let cache = local.currentValue { return (cache, now) }
    let cache = OpenFileCache()
    local.currentValue = cache
    return (cache, now)
  }

  /// A number for a site, never used before.
  func nextSiteNumber() -> UInt64 { sites.add(1, ordering: .relaxed).newValue &* 0xD6E8_FEB8_6659_FD93 }
}
