import Glibc
import SystemShims

/// A child process that this process started and alone waits for.
final class Process {
  let pid: Int32
  /// Readable once the process has ended.
  let descriptor: Descriptor

  /// How a process ended.
  enum Exit: Hashable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)
    /// Somebody else took the result.
    case unknown

    /// Whether the signal is one that a program's own fault raises: a Swift trap, an access to no memory.
    var isCrash: Bool {
      guard case .signal(let number) = self else { return false }
      return [SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGSYS].contains(number)
    }

    var description: String {
      switch self {
      case .code(let code): "exit code \(code)"
      case .signal(let number): isCrash ? "\(Self.name(number)) (crash)" : Self.name(number)
      case .unknown: "unknown"
      }
    }

    private static func name(_ number: Int32) -> String {
      let names = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV",
        SIGPIPE: "SIGPIPE", SIGTERM: "SIGTERM", SIGSYS: "SIGSYS", SIGXCPU: "SIGXCPU",
      ]
      return names[number] ?? "signal \(number)"
    }
  }

  /// Starts a program. `descriptors` become 0, 1, 2 … of the child, which inherits no others. It is sent `deathSignal` when
  /// the calling thread ends; 0 lets it live.
  init(
    path: String, arguments: [String], environment: [String], descriptors: [Descriptor], deathSignal: Int32 = SIGKILL
  ) throws(SupervisionError) {
    let numbers = descriptors.map(\.number)
    // An optimised build lets an array go after its last use: its descriptors would be closed before they are inherited.
    let pid = withExtendedLifetime(descriptors) {
      CStrings.with(arguments) { arguments in
        CStrings.with(environment) { environment in
          var request = portside_spawn()
          request.arguments = arguments
          request.environment = environment
          request.descriptor_count = Int32(numbers.count)
          request.death_signal = deathSignal
          return path.withCString { path in
            numbers.withUnsafeBufferPointer { numbers in
              request.path = path
              request.descriptors = numbers.baseAddress
              return portside_spawn(&request)
            }
          }
        }
      }
    }
    guard pid > 0 else { throw .system("start \(path)", -pid) }
    self.pid = pid
    let number = portside_open_process(pid)
    guard number >= 0 else {
      Glibc.kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      throw .system("watch process \(pid)", -number)
    }
    descriptor = Descriptor(number)
  }

  /// Ends it at once. Its number can't belong to another process before `reap` has returned its result.
  func kill() { Glibc.kill(pid, SIGKILL) }

  /// How it ended; `nil` while it runs.
  func reap() -> Exit? {
    var code: Int32 = 0
    var signal: Int32 = 0
    let result = portside_reap(descriptor.number, &code, &signal)
    if result == 0 { return nil }
    if result < 0 { return .unknown }
    return signal == 0 ? .code(code) : .signal(signal)
  }
}

/// Texts as the NULL-ended array that execve(2) takes.
private enum CStrings {
  static func with<Result>(_ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result
  {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: copies.count + 1)
    defer { list.deallocate() }
    for (index, copy) in copies.enumerated() { list[index] = copy }
    list[copies.count] = nil
    return body(list)
  }
}
