import Foundation
import Services
import Supervision
import Synchronization
import WireKit

/// The machine's clocks.
struct MachineClock: Services.Clock {
  func now() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  func wallTime() -> WallTime { WallTime(seconds: Int64(time(nil))) }
}

/// Keeps all events.
final class RecordingSink: EventSink {
  private let kept = Mutex<[Event]>([])
  var events: [Event] { kept.withLock { $0 } }

  func isWatched(_ service: ServiceName) -> Bool { false }
  func emit(_ event: Event) { kept.withLock { $0.append(event) } }

  /// The events with this message, of this worker.
  func events(_ message: String, of worker: WorkerName? = nil) -> [Event] {
    events.filter { event in
      event.message == message
        && (worker == nil || event.fields.contains(.init("worker", .string(worker?.rawValue ?? ""))))
    }
  }
}

/// What the tests know of the program `SupervisionFixture`.
enum Fixture {
  /// It is built beside the test bundle.
  static let executable: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("SupervisionFixture").path
  }()

  static func configuration(_ greeting: String = "hello", fault: String? = nil) -> [UInt8] {
    var fields = ["greeting": greeting]
    fields["fault"] = fault
    return Array((try? JSONEncoder().encode(fields)) ?? Data())
  }

  /// A worker with TCP sockets at the given ports of loopback, by name.
  static func worker(
    _ name: WorkerName, _ sockets: [String: UInt16] = ["main": 0], greeting: String = "hello", fault: String? = nil,
    count: Int = 1, confinement: Confinement = Confinement()
  ) -> WorkerPlan {
    WorkerPlan(
      name: name,
      sockets: sockets.sorted { $0.key < $1.key }.map { name, port in
        SocketPlan(name: name, place: .tcp(Endpoint(IPAddress(127, 0, 0, 1), port)), count: count)
      }, configuration: configuration(greeting, fault: fault), confinement: confinement)
  }

  /// A folder of its own for a test.
  static func folder() throws -> String {
    // Short: the path of a Unix socket has 107 bytes at most.
    let path = "/tmp/supervision-test-\(UInt64.random(in: 0 ... .max))"
    if mkdir(path, 0o700) != 0 { throw Failure("mkdir \(path)") }
    return path
  }
}

struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A supervisor in the test's process, with the fixture as its workers.
struct Supervised {
  let supervisor: Supervisor
  let sink: RecordingSink
  private let next: NextPlan

  private final class NextPlan: Sendable {
    let result = Mutex<Result<SupervisionPlan, Failure>>(.failure(Failure("no plan")))
  }

  init(
    _ workers: [WorkerPlan], _ adjust: (inout SupervisorOptions) -> Void = { _ in }
  ) async throws {
    var options = SupervisorOptions()
    options.executable = Fixture.executable
    options.drainLimit = .seconds(1)
    adjust(&options)
    let sink = RecordingSink()
    let next = NextPlan()
    supervisor = try await Supervisor.start(
      SupervisionPlan(workers), options: options, events: sink, clock: MachineClock()
    ) {
      try next.result.withLock { $0 }.get()
    }
    self.sink = sink
    self.next = next
  }

  func reload(_ workers: [WorkerPlan]) async throws -> ReloadReport {
    next.result.withLock { $0 = .success(SupervisionPlan(workers)) }
    return try await supervisor.reload()
  }

  func reload(failing reason: String) async throws -> ReloadReport {
    next.result.withLock { $0 = .failure(Failure(reason)) }
    return try await supervisor.reload()
  }

  func status(of worker: WorkerName) async throws -> WorkerStatus {
    guard let status = try await supervisor.status().workers.first(where: { $0.name == worker }) else {
      throw Failure("no worker \(worker)")
    }
    return status
  }

  /// The real port of a worker's socket.
  func port(_ worker: WorkerName, _ socket: String = "main") async throws -> UInt16 {
    let sockets = try await status(of: worker).sockets
    guard let port = sockets.first(where: { $0.name == socket })?.place.endpoint?.port else {
      throw Failure("no socket \(socket)")
    }
    return port
  }
}

/// A connection to a worker of the fixture: blocking, with time limits.
final class LineClient {
  private let number: Int32

  init(port: UInt16) throws {
    number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if connected != 0 { throw Failure("connect to \(port): \(String(cString: strerror(errno)))") }
  }

  deinit { close(number) }

  /// Sends a line without waiting for an answer.
  func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = send(number, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// The answer to a line.
  func ask(_ line: String) throws -> String {
    say(line)
    var answer: [UInt8] = []
    var byte: UInt8 = 0
    while recv(number, &byte, 1, 0) == 1 {
      if byte == 0x0A { return String(decoding: answer, as: UTF8.self) }
      answer.append(byte)
    }
    throw Failure("no answer to \(line)")
  }

  /// The answer of a fresh connection.
  static func ask(_ port: UInt16, _ line: String) throws -> String { try LineClient(port: port).ask(line) }
}

/// Waits until something holds, at most 20 seconds; says whether it came to hold.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
  for _ in 0..<400 {
    if try await condition() { return true }
    try await Task.sleep(for: .milliseconds(50))
  }
  return false
}

/// Whether a process runs: exists and is no zombie.
func isRunning(_ pid: Int32) -> Bool {
  guard let status = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
    let end = status.lastIndex(of: ")")
  else { return false }
  return !status[end...].hasPrefix(") Z")
}

/// A field of `/proc/PID/status`.
func processField(_ pid: Int32, _ name: String) -> String? {
  let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
  return text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
    .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
}
