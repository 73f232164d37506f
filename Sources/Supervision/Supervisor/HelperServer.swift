import Glibc
import Services
import SystemShims

/// A program that the supervisor starts, as itself, once for each connection to a socket: for what only root can do.
///
/// The supervisor reads nothing from the connection. The program gets it as descriptor 0, the secret to read as descriptor 1,
/// and the log as descriptor 2.
public struct HelperPlan: Hashable, Sendable, Codable {
  /// The Unix socket, whose mode and owner say who may ask.
  public var socket: SocketPlan
  /// What the program is called with, its own name first.
  public var arguments: [String]
  /// At most what a pipe holds.
  public var secret: Secret

  public init(socket: SocketPlan, arguments: [String], secret: Secret) {
    self.socket = socket
    self.arguments = arguments
    self.secret = secret
  }
}

/// The listening socket of a helper, and its processes that run.
final class HelperServer {
  /// Programs that may run at once; further connections wait.
  private static let maximumProcesses = 4096

  let plan: HelperPlan
  let listener: Descriptor
  private let executable: String
  private let path: UnixPath
  private var processes: [Process] = []

  init(_ plan: HelperPlan, executable: String) throws(SupervisionError) {
    let bound = try SocketBinder.bind(plan.socket, besides: false)
    guard let listener = bound.descriptors.first, let owned = bound.path else {
      throw SupervisionError(.badPlan, "\(plan.socket.place) is no Unix socket")
    }
    self.plan = plan
    self.listener = listener
    self.executable = executable
    path = owned
  }

  /// Whether another connection can be taken.
  var isAccepting: Bool { processes.count < Self.maximumProcesses }

  /// The processes to watch.
  var watched: [Int32] { processes.map(\.descriptor.number) }

  /// Takes a connection and starts the program for it.
  func accept() throws(SupervisionError) {
    let number = Glibc.accept(listener.number, nil, nil)
    guard number >= 0 else { return }
    let connection = Descriptor(number)
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    // Its secret is gone from here once it has read it.
    let (reading, writing) = try Descriptor.pipe()
    _ = fcntl(reading.number, F_SETFL, fcntl(reading.number, F_GETFL) & ~O_NONBLOCK)
    let isWritten = plan.secret.withBytes { bytes in write(writing.number, bytes, bytes.count) == bytes.count }
    guard isWritten else { throw .system("hand a secret to \(plan.arguments.joined(separator: " "))", errno) }
    let errors = fcntl(2, F_DUPFD_CLOEXEC, 3)
    guard errors >= 0 else { throw .system("hand over the log", errno) }
    processes.append(
      try Process(
        path: executable, arguments: plan.arguments, environment: ["SWIFT_BACKTRACE=enable=no"],
        descriptors: [connection, reading, Descriptor(errors)], deathSignal: 0))
  }

  /// Takes the results of those that have ended.
  func reap() { processes.removeAll { $0.reap() != nil } }
}
