import Glibc
import SystemShims

/// This process's signals as bytes of a pipe, so that the loop sees them in its own time.
final class SignalPipe {
  private static let watched: [Int32] = [SIGTERM, SIGINT, SIGHUP]
  let reading: Descriptor
  private let writing: Descriptor

  init() throws(SupervisionError) {
    (reading, writing) = try Descriptor.pipe()
    signal(SIGPIPE, SIG_IGN)
    let failed = portside_watch_signals(Self.watched, Int32(Self.watched.count), writing.number)
    guard failed == 0 else { throw .system("watch signals", -failed) }
  }

  deinit { portside_unwatch_signals(Self.watched, Int32(Self.watched.count)) }

  /// The signals that came since the last time.
  func take() -> [Int32] {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(reading.number, &bytes, bytes.count)
    return count <= 0 ? [] : bytes.prefix(count).map { Int32($0) }
  }
}
