import Glibc
import HTTPCore
import NIOPosix
import Services
import Synchronization
import Transport
import WireKit

/// A line for each answered request, in a file.
///
/// Lines wait in memory while the file is written to, within a bound; what finds no room is lost, and told. The file is
/// opened anew when another stands in its place, so that whoever rotates it by renaming need not tell anyone; `reopen`
/// does it at once.
public final class AccessLog: Sendable {
  /// How a line looks.
  public enum Format: String, Sendable, Hashable, Codable {
    /// Apache's combined format.
    case combined
    /// An object a line.
    case json
  }

  public struct Configuration: Sendable, Hashable {
    public var path: String
    public var format: Format

    public init(path: String, format: Format = .combined) {
      self.path = path
      self.format = format
    }
  }

  private struct State {
    var waiting: [UInt8] = []
    var lost = 0
    var isWriting = false
    var wantsReopening = true
  }

  /// Bytes that may wait.
  private static let capacity = 4 << 20

  let configuration: Configuration
  private let clock: any Clock
  private let events: any EventSink
  private let state = Mutex(State())
  private let file = Mutex<OpenFile?>(nil)
  private let looked = Atomic<Int64>(0)

  init(_ configuration: Configuration, context: ServerContext) {
    self.configuration = configuration
    clock = context.clock
    events = context.events
  }

  /// Opens the file anew before the next line.
  func reopen() { state.withLock { $0.wantsReopening = true } }

  /// Enters a reply: now where its length is known, at its end where it is not. Returns the reply to send.
  func note(
    _ reply: HTTPReply, to request: HTTPRequest, on connection: Connection, since start: MonotonicTime
  ) -> HTTPReply {
    var entry = AccessEntry(request, reply.status, on: connection, at: clock.wallTime())
    let sendsContent = request.method != .head && !reply.status.forbidsContent
    if sendsContent, case .stream(let stream, let length) = reply.content, !(stream is any HTTPTunnel) {
      var reply = reply
      reply.content = .stream(CountedStream(stream, entry, self, since: start), length: length)
      return reply
    }
    entry.bytes = sendsContent ? reply.content.count ?? 0 : 0
    write(entry, since: start)
    return reply
  }

  func write(_ entry: AccessEntry, since start: MonotonicTime) {
    var entry = entry
    entry.nanoseconds = (clock.now() - start).wholeNanoseconds
    let line = configuration.format == .json ? entry.json : entry.combined
    let begins = state.withLock { state -> Bool in
      guard state.waiting.count < Self.capacity else {
        state.lost += 1
        return false
      }
      state.waiting.append(contentsOf: line.utf8)
      defer { state.isWriting = true }
      return !state.isWriting
    }
    guard begins else { return }
    NIOThreadPool.singleton.submit { [self] _ in flush() }
  }

  /// Writes what waits, until nothing does; on a thread that may wait.
  private func flush() {
    while true {
      let (lines, lost, reopens) = state.withLock { state -> ([UInt8], Int, Bool) in
        defer { (state.waiting, state.lost, state.wantsReopening) = ([], 0, false) }
        if state.waiting.isEmpty { state.isWriting = false }
        return (state.waiting, state.lost, state.wantsReopening)
      }
      if lost > 0 { tell("lines of the access log were lost: it is written too slowly", "\(lost)") }
      if lines.isEmpty {
        if reopens { reopen() }
        return
      }
      append(lines, reopens: reopens)
    }
  }

  private func append(_ lines: [UInt8], reopens: Bool) {
    file.withLock { file in
      if file == nil || reopens || wasReplaced(file) { file = open() }
      guard let file else { return }
      var start = 0
      lines.withUnsafeBytes { bytes in
        while start < bytes.count {
          let count = Glibc.write(file.descriptor, bytes.baseAddress.map { $0 + start }, bytes.count - start)
          if count < 0, errno == EINTR { continue }
          guard count > 0 else { return tell("the access log can't be written", String(cString: strerror(errno))) }
          start += count
        }
      }
    }
  }

  /// Whether another file stands in the place of the open one; looked at once a second.
  private func wasReplaced(_ file: OpenFile?) -> Bool {
    let now = Int64(clamping: clock.now().nanoseconds)
    guard let file, now - looked.load(ordering: .relaxed) > 1_000_000_000 else { return false }
    looked.store(now, ordering: .relaxed)
    var (mine, present) = (stat(), stat())
    guard fstat(file.descriptor, &mine) == 0, stat(configuration.path, &present) == 0 else { return true }
    return mine.st_ino != present.st_ino || mine.st_dev != present.st_dev
  }

  private func open() -> OpenFile? {
    let descriptor = Glibc.open(configuration.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
    if descriptor >= 0 { return OpenFile(owning: descriptor) }
    tell("the access log can't be opened", String(cString: strerror(errno)))
    return nil
  }

  private func tell(_ message: StaticString, _ reason: String) {
    events.emit(
      Event(
        time: clock.wallTime(), severity: .error, message: message, service: .http,
        fields: [.init("file", .string(configuration.path)), .init("reason", .string(reason))]))
  }
}

/// Content that is entered in the log when it ends, or is given up.
final class CountedStream: HTTPContentStream {
  private let stream: any HTTPContentStream
  private let entry: AccessEntry
  private let log: AccessLog
  private let start: MonotonicTime
  private let bytes = Atomic<Int64>(0)

  init(_ stream: any HTTPContentStream, _ entry: AccessEntry, _ log: AccessLog, since start: MonotonicTime) {
    self.stream = stream
    self.entry = entry
    self.log = log
    self.start = start
  }

  deinit {
    var entry = entry
    entry.bytes = bytes.load(ordering: .relaxed)
    log.write(entry, since: start)
  }

  func next(atMost limit: Int) async throws -> [UInt8] {
    let piece = try await stream.next(atMost: limit)
    bytes.add(Int64(piece.count), ordering: .relaxed)
    return piece
  }
}
