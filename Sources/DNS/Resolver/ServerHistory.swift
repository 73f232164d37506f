import Synchronization
import WireKit

/// How servers have answered lately: the quick ones are asked first, those that failed last.
final class ServerHistory: Sendable {
  private struct Entry {
    /// Milliseconds, smoothed (RFC 6298's quarter).
    var time: Double
    var failures = 0
    var lastFailure: MonotonicTime?
  }

  private static let maximum = 20_000
  /// How long a failure counts.
  private static let memory = Duration.seconds(60)

  private let entries = Mutex<[Endpoint: Entry]>([:])

  func succeeded(_ server: Endpoint, after elapsed: Duration) {
    let milliseconds = Double(elapsed.components.seconds) * 1000 + Double(elapsed.components.attoseconds) / 1e15
    entries.withLock { entries in
      if entries.count > Self.maximum { entries.removeAll() }
      var entry = entries[server] ?? Entry(time: milliseconds)
      entry.time += (milliseconds - entry.time) / 4
      entry.failures = 0
      entries[server] = entry
    }
  }

  func failed(_ server: Endpoint, now: MonotonicTime) {
    entries.withLock { entries in
      var entry = entries[server] ?? Entry(time: 500)
      entry.failures += 1
      entry.lastFailure = now
      entries[server] = entry
    }
  }

  /// The servers in the order in which they should be asked. Unknown ones are tried early, so that they become known;
  /// chance breaks ties, as nothing may depend on the order that others chose.
  func ordered(_ servers: [Endpoint], now: MonotonicTime) -> [Endpoint] {
    let scores = entries.withLock { entries in
      servers.map { server -> Double in
        guard let entry = entries[server] else { return Double.random(in: 0..<50) }
        let isBad = entry.failures > 0 && (entry.lastFailure.map { now - $0 < Self.memory } ?? false)
        return entry.time * Double.random(in: 0.8..<1.2) + (isBad ? 10_000 * Double(entry.failures) : 0)
      }
    }
    return zip(servers, scores).sorted { $0.1 < $1.1 }.map(\.0)
  }
}
