import Glibc
import Services

/// Changes of leases that another process than the server wants: they wait in a file of their own until the server takes them, at
/// its start or while it runs.
public struct LeaseWishes: Sendable {
  private let path: String

  public init(path: String) { self.path = path }

  /// Leaves records to be claimed. Durable when it returns.
  public func leave(_ records: [LeaseRecord]) throws(StoreError) {
    try locked(O_RDWR | O_CREAT) { descriptor throws(StoreError) in
      var entries: [UInt8] = []
      for record in records { LeaseJournalFormat.append(.record(record), to: &entries) }
      let group = LeaseJournalFormat.group(entries, number: 1)
      guard lseek(descriptor, 0, SEEK_END) >= 0, write(descriptor, group, group.count) == group.count,
        fsync(descriptor) == 0
      else { throw JournalFile.failure("write \(path)") }
    }
  }

  /// Those that wait.
  public func waiting() throws(StoreError) -> [LeaseRecord] {
    guard let bytes = try JournalFile.content(path) else { return [] }
    return try Self.records(bytes)
  }

  /// Hands those that wait to `body`, and forgets them when it returns.
  public func take(_ body: ([LeaseRecord]) async throws -> Void) async throws {
    guard try JournalFile.content(path)?.isEmpty == false else { return }
    let descriptor = try Self.open(path, O_RDWR)
    defer { close(descriptor) }
    let records = try Self.records(try JournalFile.content(path) ?? [])
    if !records.isEmpty { try await body(records) }
    guard ftruncate(descriptor, 0) == 0, fsync(descriptor) == 0 else { throw JournalFile.failure("empty \(path)") }
  }

  /// Groups one after the other; one that was cut is the last, and nobody was told that it stands.
  private static func records(_ bytes: [UInt8]) throws(StoreError) -> [LeaseRecord] {
    var found: [LeaseRecord] = []
    var position = 0
    while let (entries, _) = LeaseJournalFormat.group(in: bytes, at: position) {
      position += LeaseJournalFormat.groupHeaderLength + entries.count
      for case .record(let record) in try LeaseJournalFormat.read(entries: Array(entries)) { found.append(record) }
    }
    return found
  }

  private func locked(_ flags: CInt, _ body: (CInt) throws(StoreError) -> Void) throws(StoreError) {
    let descriptor = try Self.open(path, flags)
    defer { close(descriptor) }
    try body(descriptor)
  }

  private static func open(_ path: String, _ flags: CInt) throws(StoreError) -> CInt {
    let descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw JournalFile.failure("open \(path)") }
    guard flock(descriptor, LOCK_EX) == 0 else {
      close(descriptor)
      throw JournalFile.failure("lock \(path)")
    }
    return descriptor
  }
}
