import Foundation
import Services
import Supervision
import WireKit

/// What `supervise` reads, at its start and at each reload.
struct FixtureSetup: Codable {
  var plan: SupervisionPlan
  var controlPath: String
  var firstDelayMilliseconds: Int64
  var longestDelayMilliseconds: Int64
  var failingAfter: Int

  static func read(_ file: String) throws -> FixtureSetup {
    try JSONDecoder().decode(FixtureSetup.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
  }
}

/// The configuration of a worker.
struct FixtureConfiguration: Codable {
  var greeting = "hello"
  /// `exit`: ends before it is ready. `refuse`: refuses the configuration. `stubborn`: goes on after a drain.
  var fault: String?
}

/// The machine's clocks.
struct SystemClock: Services.Clock {
  func now() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  func wallTime() -> WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
  }
}

/// Events as text on standard error.
struct PrintingSink: EventSink {
  func isWatched(_ service: ServiceName) -> Bool { false }

  func emit(_ event: Event) {
    FileHandle.standardError.write(Data("\(event.message) \(event.fields)\n".utf8))
  }
}
