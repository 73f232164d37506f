import Glibc
import NIOPosix
import SSHCore
import SSHServer
import Services
import SystemSessions
import Transport

/// Sessions of the operating system's accounts, by way of the session helper, which the supervisor starts as root for each.
///
/// This worker is nobody: it hands the helper the gate's ticket, and gets the ends of a terminal or of pipes.
struct SystemPrograms: Sendable {
  /// Where the helper is asked.
  let path: String
  let ticket: @Sendable (Connection) async -> String?
  /// Threads that wait for the helper, and for PAM's modules behind it.
  var pool = NIOThreadPool.singleton
  private let watch = DescriptorWatch()

  init(path: String, ticket: @escaping @Sendable (Connection) async -> String?) {
    self.path = path
    self.ticket = ticket
  }

  /// What came of it.
  enum Outcome: Sendable {
    case program(any SessionProgram)
    /// It has no account of the system: sessions are those of this server alone.
    case noSuchAccount
    /// For the client to read.
    case refused(String)
  }

  /// How long PAM's modules may take.
  private static let startLimit = 60

  func start(_ start: SessionStart, on connection: Connection) async -> Outcome {
    let program: SystemSessionRequest.Program =
      switch start.program {
      case .shell: .shell
      case .exec(let command): .command(command)
      case .subsystem: .files
      }
    guard let ticket = await ticket(connection) else { return .noSuchAccount }
    let (peer, local) = (connection.peer, connection.local)
    let request = SystemSessionRequest(
      ticket: ticket, program: program, terminal: start.terminal.map { .init($0) },
      environment: start.environment.map { Array($0.name.utf8) + [0x3D] + $0.value },
      host: peer.address.description, connection: "\(peer.address) \(peer.port) \(local.address) \(local.port)")
    let (path, watch, hasTerminal) = (path, watch, start.terminal != nil)
    let outcome = try? await pool.runIfActive { Self.ask(path, request, watch, hasTerminal: hasTerminal) }
    return outcome ?? .refused("no session can be started at the moment")
  }

  private static func ask(
    _ path: String, _ request: SystemSessionRequest, _ watch: DescriptorWatch, hasTerminal: Bool
  ) -> Outcome {
    guard let socket = MessageSocket(path: path) else { return .refused("no session can be started at the moment") }
    socket.setTimeLimit(seconds: startLimit)
    guard socket.send(request), case .message(let report, let numbers) = socket.receive(SystemSessionReport.self) else {
      return .refused("the session could not be started in time")
    }
    let files = numbers.map { OpenFile(owning: $0) }
    switch report {
    case .started where files.count == (hasTerminal ? 1 : 3):
      socket.setNonBlocking()
      return program(SystemProcess(socket), files, watch, hasTerminal: hasTerminal)
        .map { .program($0) } ?? .refused("this server has too many open files")
    case .noSuchAccount: return .noSuchAccount
    case .refused(let reason): return .refused(reason)
    default: return .refused("the session ended before it began")
    }
  }

  private static func program(
    _ process: SystemProcess, _ files: [OpenFile], _ watch: DescriptorWatch, hasTerminal: Bool
  ) -> ProcessProgram? {
    for file in files { setNonBlocking(file.descriptor) }
    guard hasTerminal else {
      return ProcessProgram(
        process: process, input: files[0], output: files[1], error: files[2], terminal: nil, watch: watch)
    }
    // Reading and writing are waited for one by one, each with a descriptor of its own.
    let input = fcntl(files[0].descriptor, F_DUPFD_CLOEXEC, 3)
    guard input >= 0 else { return nil }
    return ProcessProgram(
      process: process, input: OpenFile(owning: input), output: files[0], error: nil, terminal: files[0], watch: watch)
  }
}

extension SystemSessionRequest.Terminal {
  fileprivate init(_ terminal: PseudoTerminal) {
    self.init(
      type: terminal.term, columns: UInt16(clamping: terminal.size.columns), rows: UInt16(clamping: terminal.size.rows),
      width: UInt16(clamping: terminal.size.width), height: UInt16(clamping: terminal.size.height),
      opcodes: terminal.modes.map(\.opcode), values: terminal.modes.map(\.value))
  }
}

/// The program's process, of which the helper tells.
private final class SystemProcess: SessionProcess {
  private let socket: MessageSocket

  init(_ socket: MessageSocket) { self.socket = socket }

  var descriptor: Int32 { socket.descriptor }

  func reap() -> ExitStatus? {
    switch socket.receive(SystemSessionReport.self) {
    case .message(.ended(let code), _): .code(code)
    case .message(.killed(let number, let coreDumped), _):
      .signal(SignalName.name(of: number) ?? "TERM", coreDumped: coreDumped)
    case .nothing: nil
    // The helper is gone: so is the session.
    case .message, .end: ExitStatus.none
    }
  }

  func signal(_ number: Int32) { socket.send(SystemSessionOrder.signal(number)) }
}
