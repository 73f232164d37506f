import Glibc
import NIOPosix
import Services
import SSHCore
import SystemShims
import Transport
import WireKit

/// Runs shells and commands as the user that the server runs as: for `portside try` and for servers without root.
public final class OwnUserPrograms: SessionProgramSource {
  private let watch = DescriptorWatch()
  private let shell: String
  private let home: String
  private let homeOfAccount: @Sendable (AccountIdentity) -> String?
  private let path: String

  /// - Parameters:
  ///   - shell: The shell; `nil` for the user's own.
  ///   - home: Where programs begin; `nil` for the user's home.
  ///   - homeOfAccount: Where the programs of an account begin, if that is somewhere else.
  public init(
    shell: String? = nil, home: String? = nil, path: String = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    homeOfAccount: @escaping @Sendable (AccountIdentity) -> String? = { _ in nil }
  ) {
    self.homeOfAccount = homeOfAccount
    let entry = getpwuid(getuid())
    self.shell = shell ?? entry.map { String(cString: $0.pointee.pw_shell) } ?? "/bin/sh"
    self.home = home ?? entry.map { String(cString: $0.pointee.pw_dir) } ?? "/"
    self.path = path
    // A program that closes its input early must not end the server. Programs get the default back.
    signal(SIGPIPE, SIG_IGN)
  }

  public func start(
    _ start: SessionStart, for account: AccountIdentity, on connection: Connection
  ) async -> (any SessionProgram)? {
    var arguments: [[UInt8]]
    let name = shell.split(separator: "/").last.map(String.init) ?? "sh"
    switch start.program {
    case .shell: arguments = [Array("-\(name)".utf8)]
    case .exec(let command): arguments = [Array(name.utf8), Array("-c".utf8), command]
    case .subsystem: return nil
    }
    guard arguments.allSatisfy({ !$0.contains(0) }) else { return nil }
    let home = homeOfAccount(account) ?? home
    let launch = Launch(
      arguments: arguments, environment: environment(start, account, connection, home: home), directory: home)
    let terminal = start.terminal
    // The thread that starts a program waits until it is one.
    return try? await NIOThreadPool.singleton.runIfActive { [self] in
      terminal.map { withTerminal($0, launch) } ?? withPipes(launch)
    }
  }

  private struct Launch: Sendable {
    var arguments: [[UInt8]]
    var environment: [[UInt8]]
    var directory: String
  }

  private func environment(
    _ start: SessionStart, _ account: AccountIdentity, _ connection: Connection, home: String
  ) -> [[UInt8]] {
    var variables: [(String, [UInt8])] = start.environment.map { ($0.name, $0.value) }
    let (peer, local) = (connection.peer, connection.local)
    variables += [
      ("HOME", Array(home.utf8)), ("USER", Array(account.name.utf8)), ("LOGNAME", Array(account.name.utf8)),
      ("SHELL", Array(shell.utf8)), ("PATH", Array(path.utf8)),
      ("SSH_CONNECTION", Array("\(peer.address) \(peer.port) \(local.address) \(local.port)".utf8)),
    ]
    if let terminal = start.terminal { variables.append(("TERM", Array(terminal.term.utf8))) }
    return variables.map { Array($0.0.utf8) + [0x3D] + $0.1 }
  }

  private func withTerminal(
    _ terminal: PseudoTerminal, _ launch: Launch
  ) -> (any SessionProgram)? {
    var (master, slave): (Int32, Int32) = (-1, -1)
    guard portside_open_terminal(&master, &slave) == 0 else { return nil }
    let (masterFile, slaveFile) = (OpenFile(owning: master), OpenFile(owning: slave))
    let size = terminal.size
    _ = portside_set_terminal_size(slave, size.columns, size.rows, size.width, size.height)
    _ = portside_set_terminal_modes(
      slave, terminal.modes.map(\.opcode), terminal.modes.map(\.value), Int32(terminal.modes.count))
    setNonBlocking(master)
    let second = fcntl(master, F_DUPFD_CLOEXEC, 3)
    guard second >= 0,
      let process = spawn(launch, input: slave, output: slave, error: slave, hasTerminal: true)
    else { return nil }
    withExtendedLifetime(slaveFile) {}
    return ProcessProgram(
      process: ChildProcess(process.0, process.1), input: OpenFile(owning: second), output: masterFile, error: nil,
      terminal: masterFile, watch: watch)
  }

  private func withPipes(_ launch: Launch) -> (any SessionProgram)? {
    guard let input = pipe(), let output = pipe(), let error = pipe(),
      let process = spawn(
        launch, input: input.read.descriptor, output: output.write.descriptor,
        error: error.write.descriptor, hasTerminal: false)
    else { return nil }
    for file in [input.write, output.read, error.read] { setNonBlocking(file.descriptor) }
    return ProcessProgram(
      process: ChildProcess(process.0, process.1), input: input.write, output: output.read, error: error.read,
      terminal: nil, watch: watch)
  }

  private func pipe() -> (read: OpenFile, write: OpenFile)? {
    var ends: [Int32] = [-1, -1]
    // A quarter of a megabyte at a time instead of 64 KiB: fewer changes between the program and us.
    guard portside_pipe(&ends, 256 * 1024) == 0 else { return nil }
    return (OpenFile(owning: ends[0]), OpenFile(owning: ends[1]))
  }

  private func spawn(
    _ launch: Launch, input: Int32, output: Int32, error: Int32, hasTerminal: Bool
  ) -> (pid_t, OpenFile)? {
    let process = withCStrings(launch.arguments) { arguments in
      withCStrings(launch.environment) { environment in
        shell.withCString { path in
          launch.directory.withCString { directory in
            var program = portside_program(
              path: path, arguments: arguments, environment: environment, directory: directory, input: input,
              output: output, error: error, has_terminal: hasTerminal ? 1 : 0, changes_user: 0, user: 0, group: 0)
            return portside_start_program(&program)
          }
        }
      }
    }
    guard process > 0 else { return nil }
    let descriptor = portside_open_process(process)
    guard descriptor >= 0 else {
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
      return nil
    }
    return (process, OpenFile(owning: descriptor))
  }

  /// Lends an array of C strings that ends with NULL.
  private func withCStrings<Result>(
    _ strings: [[UInt8]], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { bytes in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
      for (index, byte) in bytes.enumerated() { copy[index] = CChar(bitPattern: byte) }
      copy[bytes.count] = 0
      return copy
    }
    pointers.append(nil)
    defer { for pointer in pointers { pointer?.deallocate() } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { preconditionFailure("an array with an element has an address") }
      return body(base)
    }
  }
}
