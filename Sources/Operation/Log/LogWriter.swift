import Glibc
import Services
import Synchronization

/// Writes events of a severity and above to a descriptor, one line each.
///
/// A thread of its own writes; whoever emits only fills a ring. When the reader of the log is slow the ring loses its
/// oldest lines, and the log says how many.
public final class LogWriter: EventSink {
  private let descriptor: Int32
  private let format: LogFormat
  private let threshold: Atomic<UInt8>
  private let ring = BoundedRing<Event>(capacity: 8_192)
  private let signal: WakeUp
  private let clock: any Clock

  /// - Parameter descriptor: Where to write, usually standard error; stays open and is not closed.
  public init(descriptor: Int32 = STDERR_FILENO, format: LogFormat, threshold: Event.Severity, clock: any Clock) {
    self.descriptor = descriptor
    self.format = format
    self.threshold = Atomic(threshold.rawValue)
    self.clock = clock
    signal = WakeUp()
    let (ring, signal, format) = (ring, signal, format)
    startThread {
      while signal.wait() {
        Self.drain(ring, to: descriptor, format, clock)
        signal.drained()
      }
    }
  }

  deinit { signal.stop() }

  public func isWatched(_ service: ServiceName) -> Bool { false }

  public func emit(_ event: Event) {
    switch event.kind {
    case .conversation, .operation: return
    case .log, .audit: break
    }
    guard event.severity.rawValue >= threshold.load(ordering: .relaxed) else { return }
    if ring.append(event) { signal.signal() }
  }

  /// Changes the least severity that is written.
  public func setThreshold(_ severity: Event.Severity) { threshold.store(severity.rawValue, ordering: .relaxed) }

  /// Waits until what was emitted so far is written, at most about a second: for the last words of a process.
  public func flush() { signal.waitUntilDrained(seconds: 1) }

  private static func drain(
    _ ring: BoundedRing<Event>, to descriptor: Int32, _ format: LogFormat, _ clock: any Clock
  ) {
    let (events, lost) = ring.takeAll()
    if lost > 0 {
      write(
        format.line(
          Event(
            time: clock.wallTime(), severity: .warning, message: "log lines lost",
            fields: [.init("count", .integer(Int64(clamping: lost)))])), to: descriptor)
    }
    for event in events { write(format.line(event), to: descriptor) }
  }

  /// A line goes out in one call, so that lines of several processes do not mix.
  private static func write(_ line: String, to descriptor: Int32) {
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
