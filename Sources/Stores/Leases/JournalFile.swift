import Glibc
import Services

/// The file of a `JournalLeaseStore`, open for writing. For one thread at a time.
///
/// `@unchecked Sendable` because the store's lock is held whenever it is used.
final class JournalFile: @unchecked Sendable {
  /// The file grows by so much at a time, in zeros: a sync within it writes data alone, and no new size.
  private let growth: Int
  /// Below this size the file is not written anew.
  private let rewrittenAbove: Int
  private let path: String
  private var descriptor: CInt
  private var number: UInt64
  private var end: Int
  private var size: Int
  /// Bytes of the file when it was last written anew.
  private var baseline: Int
  /// A write or sync has failed: what is on the disk behind `end` is not known, so the file is written anew before anything else.
  private var isBroken = false

  private init(
    _ path: String, _ descriptor: CInt, _ content: LeaseJournalFormat.Content, size: Int, growth: Int,
    rewrittenAbove: Int
  ) {
    self.path = path
    self.descriptor = descriptor
    number = content.number
    end = content.end
    baseline = content.end
    self.size = size
    self.growth = growth
    self.rewrittenAbove = rewrittenAbove
  }

  deinit { Glibc.close(descriptor) }

  static func open(
    _ path: String, growth: Int, rewrittenAbove: Int
  ) throws(StoreError) -> (JournalFile, LeaseSet) {
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      let directory = String(path[..<slash])
      guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw failure("make \(directory)") }
    }
    let descriptor = try lock(path)
    let bytes: [UInt8]
    let content: LeaseJournalFormat.Content
    do throws(StoreError) {
      bytes = try read(descriptor)
      content = try LeaseJournalFormat.read(bytes)
    } catch {
      Glibc.close(descriptor)
      throw error
    }
    let file = JournalFile(
      path, descriptor, content, size: bytes.count, growth: growth, rewrittenAbove: rewrittenAbove)
    // What a loss of power left behind the last group must not be taken for one when the next begins there.
    if !bytes.starts(with: LeaseJournalFormat.header) || LeaseJournalFormat.hasBytes(bytes, from: content.end) {
      try file.rewrite(content.leases)
    }
    return (file, content.leases)
  }

  /// The file may be written anew, and renamed, between opening and locking it: then the new one is taken.
  private static func lock(_ path: String) throws(StoreError) -> CInt {
    for _ in 0..<100 {
      let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else { throw failure("open \(path)") }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        Glibc.close(descriptor)
        throw StoreError(.unavailable, "\(path) is in use by another process")
      }
      var opened = stat()
      var named = stat()
      if fstat(descriptor, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino { return descriptor }
      Glibc.close(descriptor)
    }
    throw StoreError(.unavailable, "\(path) is never the same")
  }

  /// The bytes of a file; `nil` where there is none.
  static func content(_ path: String) throws(StoreError) -> [UInt8]? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    if descriptor < 0, errno == ENOENT { return nil }
    guard descriptor >= 0 else { throw failure("open \(path)") }
    defer { Glibc.close(descriptor) }
    return try read(descriptor)
  }

  private static func read(_ descriptor: CInt) throws(StoreError) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = pread(descriptor, &piece, piece.count, off_t(bytes.count))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("read the leases") }
      if count == 0 { return bytes }
      bytes.append(contentsOf: piece[..<count])
    }
  }

  /// Makes a group durable. `leases` is what stands with it, for when the file is due to be written anew.
  func append(_ entries: [UInt8], _ leases: borrowing LeaseSet) throws(StoreError) {
    if entries.isEmpty { return }
    if isBroken || end > max(rewrittenAbove, 2 * baseline) { return try rewrite(leases) }
    let group = LeaseJournalFormat.group(entries, number: number + 1)
    do throws(StoreError) {
      if end + group.count > size { try grow(by: group.count) }
      try Self.write(group, descriptor, at: end)
      guard fdatasync(descriptor) == 0 else { throw Self.failure("sync the leases") }
    } catch {
      isBroken = true
      throw error
    }
    number += 1
    end += group.count
  }

  private func grow(by count: Int) throws(StoreError) {
    let more = max(growth, count)
    try Self.write([UInt8](repeating: 0, count: more), descriptor, at: size)
    size += more
  }

  /// Writes what stands into a file of its own, which then takes the place of this one.
  private func rewrite(_ leases: borrowing LeaseSet) throws(StoreError) {
    let next = path + ".new"
    let fresh = Glibc.open(next, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard fresh >= 0 else { throw Self.failure("open \(next)") }
    do throws(StoreError) {
      guard flock(fresh, LOCK_EX | LOCK_NB) == 0 else { throw Self.failure("lock \(next)") }
      var bytes = LeaseJournalFormat.header
      var entries: [UInt8] = []
      var count = number
      for record in leases.unordered {
        LeaseJournalFormat.append(.record(record), to: &entries)
        if entries.count > 1 << 20 {
          count += 1
          bytes += LeaseJournalFormat.group(entries, number: count)
          entries.removeAll(keepingCapacity: true)
        }
      }
      if !entries.isEmpty {
        count += 1
        bytes += LeaseJournalFormat.group(entries, number: count)
      }
      try Self.write(bytes, fresh, at: 0)
      guard fdatasync(fresh) == 0, rename(next, path) == 0 else { throw Self.failure("put \(next) in place") }
      try Self.syncDirectory(of: path)
      Glibc.close(descriptor)
      (descriptor, number, end, size, baseline, isBroken) = (fresh, count, bytes.count, bytes.count, bytes.count, false)
    } catch {
      Glibc.close(fresh)
      isBroken = true
      throw error
    }
  }

  private static func syncDirectory(of path: String) throws(StoreError) {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let descriptor = Glibc.open(directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open \(directory)") }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("sync \(directory)") }
  }

  private static func write(_ bytes: [UInt8], _ descriptor: CInt, at offset: Int) throws(StoreError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        pwrite(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("write the leases") }
      done += count
    }
  }

  static func failure(_ what: String) -> StoreError {
    let number = errno
    let code: StoreError.Code = number == ENOSPC || number == EDQUOT || number == EFBIG ? .full : .unavailable
    return StoreError(code, "can't \(what): \(String(cString: strerror(number)))")
  }
}
