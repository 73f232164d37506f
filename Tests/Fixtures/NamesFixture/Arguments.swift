import Glibc
import Services
import WireKit

/// `--name value` and `--flag`, in any order after the command.
struct Arguments {
  let command: String
  private let rest: [String]

  init(_ all: [String]) {
    command = all.first ?? ""
    rest = Array(all.dropFirst())
  }

  func all(_ name: String) -> [String] {
    rest.indices.filter { rest[$0] == "--\(name)" && $0 + 1 < rest.count }.map { rest[$0 + 1] }
  }

  func first(_ name: String) -> String? { all(name).first }
  func has(_ name: String) -> Bool { rest.contains("--\(name)") }

  func endpoints(_ name: String) -> [Endpoint] {
    all(name).map { text in
      guard let endpoint = Endpoint(text) else { fail("no endpoint: \(text)") }
      return endpoint
    }
  }

  func fail(_ message: String) -> Never {
    put("NamesFixture: \(message)", on: 2)
    exit(2)
  }
}

/// The machine's clocks.
struct MachineClock: Clock {
  func now() -> MonotonicTime {
    let time = read(CLOCK_MONOTONIC)
    return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  func wallTime() -> WallTime {
    let time = read(CLOCK_REALTIME)
    return WallTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
  }

  private func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    clock_gettime(clock, &time)
    return time
  }
}

/// Events of notice and above, on standard error.
struct ErrorOutput: EventSink {
  let threshold: Event.Severity
  func isWatched(_ service: ServiceName) -> Bool { false }
  func emit(_ event: Event) {
    guard event.severity >= threshold else { return }
    let fields = event.fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    put("\(event.message) \(event.peer.map(\.description) ?? "-") \(fields)", on: 2)
  }
}

/// Waits for SIGTERM or SIGINT, which every thread leaves alone.
func waitForEnd() async {
  await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGTERM)
    sigaddset(&set, SIGINT)
    var signal: CInt = 0
    sigwait(&set, &signal)
    continuation.resume()
  }
}

/// Keeps the signals for `waitForEnd`; before any thread starts.
func holdSignals() {
  var set = sigset_t()
  sigemptyset(&set)
  sigaddset(&set, SIGTERM)
  sigaddset(&set, SIGINT)
  pthread_sigmask(SIG_BLOCK, &set, nil)
}

/// Writes a line at once, so that whoever reads a pipe has it.
func put(_ line: String, on descriptor: CInt = 1) {
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}
