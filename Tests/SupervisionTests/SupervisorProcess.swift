import Foundation
import Supervision
import SystemShims

/// `SupervisionFixture supervise` as a process of its own.
final class SupervisorProcess {
  let pid: Int32
  let folder: String
  private let output: FileHandle
  private var unread = Data()

  /// Starts it with a plan, and with descriptors from 3 on if there are any; `environment` is a part of a shell line.
  init(
    _ workers: [WorkerPlan], firstDelayMilliseconds: Int64 = 100, failingAfter: Int = 5, environment: String = "",
    descriptors: [Int32] = []
  ) throws {
    folder = try Fixture.folder()
    let setup = Setup(
      plan: SupervisionPlan(workers), controlPath: folder + "/control", firstDelayMilliseconds: firstDelayMilliseconds,
      longestDelayMilliseconds: max(firstDelayMilliseconds, 1), failingAfter: failingAfter)
    try JSONEncoder().encode(setup).write(to: URL(fileURLWithPath: folder + "/setup.json"))
    let pipe = Pipe()
    output = pipe.fileHandleForReading
    // The shell's process becomes the fixture's, so that $$ is its number.
    let line = "\(environment) exec \(Fixture.executable) supervise \(folder)/setup.json 2>\(folder)/log"
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let inherited = [null, pipe.fileHandleForWriting.fileDescriptor, null] + descriptors
    pid = try Self.spawn(["sh", "-c", line], inherited)
    try pipe.fileHandleForWriting.close()
  }

  deinit {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// As `FixtureSetup`.
  private struct Setup: Codable {
    var plan: SupervisionPlan
    var controlPath: String
    var firstDelayMilliseconds: Int64
    var longestDelayMilliseconds: Int64
    var failingAfter: Int
  }

  private static func spawn(_ arguments: [String], _ descriptors: [Int32]) throws -> Int32 {
    let texts: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    let environment: [UnsafeMutablePointer<CChar>?] =
      ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in texts + environment { free(text) } }
    let pid = texts.withUnsafeBufferPointer { texts in
      environment.withUnsafeBufferPointer { environment in
        descriptors.withUnsafeBufferPointer { numbers in
          var request = portside_spawn()
          request.arguments = texts.baseAddress
          request.environment = environment.baseAddress
          request.descriptors = numbers.baseAddress
          request.descriptor_count = Int32(numbers.count)
          return "/bin/sh".withCString { path in
            request.path = path
            return portside_spawn(&request)
          }
        }
      }
    }
    if pid <= 0 { throw Failure("spawn: \(pid)") }
    return pid
  }

  /// The next line that it prints.
  func line() throws -> String {
    while !unread.contains(0x0A) {
      let part = output.availableData
      if part.isEmpty { throw Failure("it ended: \(log)") }
      unread += part
    }
    let line = unread.prefix { $0 != 0x0A }
    unread = Data(unread.dropFirst(line.count + 1))
    return String(decoding: line, as: UTF8.self)
  }

  /// The status that it prints once it is ready.
  func ready() throws -> SupervisorStatus {
    let line = try line()
    guard let status = try? JSONDecoder().decode(SupervisorStatus.self, from: Data(line.utf8)) else {
      throw Failure(line)
    }
    return status
  }

  var client: SupervisorClient { SupervisorClient(path: folder + "/control") }

  func status() throws -> SupervisorStatus {
    guard let status = try client.send(.status).status else { throw Failure("no status") }
    return status
  }

  var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

  /// Waits for its end; the exit code, or minus the signal.
  func wait() -> Int32 {
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
  }

  var descriptorCount: Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? -1 }
  var residentKilobytes: Int { processField(pid, "VmRSS").flatMap { Int($0.prefix { $0.isNumber }) } ?? -1 }
}
