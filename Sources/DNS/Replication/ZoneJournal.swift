import DNSCore
import DNSServer
import Glibc
import Synchronization
import WireKit

/// How a zone came from version to version, on disk: what IXFR is answered from (RFC 1995 §5).
///
/// Steps are appended and read back one by one. A step that was not wholly written is cut off when the journal is opened
/// again.
final class ZoneJournal: Sendable {
  private struct Step {
    var from: UInt32
    var to: UInt32
    var digest: UInt64
    /// Of the head.
    var offset: Int
    /// Head included.
    var length: Int
  }

  private struct State {
    var descriptor: Int32 = -1
    var steps: [Step] = []
    var length = 0
  }

  private let path: String
  private let state = Mutex(State())

  /// Opens a journal, or begins one.
  init(path: String) throws(StorageError) {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StorageError(path: path, number: errno) }
    state.withLock { state in
      state.descriptor = descriptor
      Self.scan(&state)
    }
  }

  deinit {
    let descriptor = state.withLock { $0.descriptor }
    if descriptor >= 0 { close(descriptor) }
  }

  private static func scan(_ state: inout State) {
    var offset = 0
    while let bytes = StoredFiles.read(state.descriptor, offset, JournalEntry.headLength),
      let head = JournalEntry.head(bytes),
      let body = StoredFiles.read(state.descriptor, offset + JournalEntry.headLength, head.length),
      let entry = try? JournalEntry.decode(body, checksum: head.checksum)
    {
      let length = JournalEntry.headLength + head.length
      if let last = state.steps.last, last.to != entry.difference.fromSerial { state.steps = [] }
      state.steps.append(
        Step(
          from: entry.difference.fromSerial, to: entry.difference.toSerial, digest: entry.digest, offset: offset,
          length: length))
      offset += length
    }
    state.length = offset
    ftruncate(state.descriptor, off_t(offset))
  }

  /// The version that the last step led to.
  var last: KnownVersion? {
    state.withLock { $0.steps.last.map { KnownVersion(serial: $0.to, digest: $0.digest) } }
  }

  /// Forgets all steps: the zone came to what it is by another way.
  func clear() {
    state.withLock { state in
      state.steps = []
      state.length = 0
      ftruncate(state.descriptor, 0)
    }
  }

  /// Appends a step.
  /// - Parameter limit: Octets that the journal may grow to; then its older half goes.
  func append(_ difference: ZoneDifference, digest: UInt64, limit: Int) throws(StorageError) {
    let bytes = JournalEntry.encode(difference, digest: digest)
    let result: Result<Void, StorageError> = state.withLock { state in
      if state.steps.last.map({ $0.to != difference.fromSerial }) ?? false {
        state.steps = []
        state.length = 0
        ftruncate(state.descriptor, 0)
      }
      do throws(StorageError) {
        guard lseek(state.descriptor, off_t(state.length), SEEK_SET) >= 0 else {
          throw StorageError(path: path, number: errno)
        }
        try StoredFiles.append(bytes, to: state.descriptor, path)
        state.steps.append(
          Step(
            from: difference.fromSerial, to: difference.toSerial, digest: digest, offset: state.length,
            length: bytes.count))
        state.length += bytes.count
        if state.length > limit { try Self.shorten(&state, path, to: limit / 2) }
        return .success(())
      } catch {
        // Half a step must not stay.
        ftruncate(state.descriptor, off_t(state.length))
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Writes the newest steps into a new file.
  private static func shorten(_ state: inout State, _ path: String, to limit: Int) throws(StorageError) {
    var kept: [Step] = []
    var length = 0
    for step in state.steps.reversed() {
      guard length + step.length <= limit else { break }
      kept.insert(step, at: 0)
      length += step.length
    }
    let old = state.descriptor
    let source = kept
    try StoredFiles.replace(path) { (append: ([UInt8]) throws(StorageError) -> Void) throws(StorageError) in
      for step in source {
        guard let bytes = StoredFiles.read(old, step.offset, step.length) else {
          throw StorageError(path: path, number: EIO)
        }
        try append(bytes)
      }
    }
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw StorageError(path: path, number: errno) }
    close(old)
    state.descriptor = descriptor
    var offset = 0
    state.steps = kept.map { step in
      defer { offset += step.length }
      var step = step
      step.offset = offset
      return step
    }
    state.length = length
  }

  /// The steps from a serial to the newest version; `nil` where there is no such way, or one of more octets than `limit`.
  func steps(from serial: UInt32, to newest: UInt32, limit: Int) -> JournalSteps? {
    state.withLock { state in
      guard state.steps.last?.to == newest, let start = state.steps.firstIndex(where: { $0.from == serial }) else {
        return nil
      }
      let way = state.steps[start...]
      guard way.reduce(0, { $0 + $1.length }) <= limit else { return nil }
      let copy = fcntl(state.descriptor, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { return nil }
      return JournalSteps(JournalFile(copy), way.map { ($0.offset, $0.length) })
    }
  }
}

/// A journal's open file, closed when nobody reads it any more.
final class JournalFile: Sendable {
  let descriptor: Int32

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }
}

/// Steps of a journal, read as a transfer needs them.
struct JournalSteps: DifferenceSource {
  private let file: JournalFile
  private let places: [(offset: Int, length: Int)]
  private var index = 0

  init(_ file: JournalFile, _ places: [(Int, Int)]) {
    self.file = file
    self.places = places
  }

  mutating func next() throws(WireError) -> ZoneDifference? {
    guard index < places.count else { return nil }
    let place = places[index]
    index += 1
    guard let bytes = StoredFiles.read(file.descriptor, place.offset, place.length),
      let head = JournalEntry.head(Array(bytes.prefix(JournalEntry.headLength)))
    else { throw WireError(.truncated, "journal") }
    return try JournalEntry.decode(Array(bytes.dropFirst(JournalEntry.headLength)), checksum: head.checksum).difference
  }
}
