import ConsoleCore
import ConsoleServer
import Files
import Foundation
import NIOPosix
import SFTPServer
import SSHCore
import SSHServer
import Services
import Transport

/// What runs in SSH sessions: SFTP and SCP for all who may see files, and a shell where there is one.
struct SSHPrograms: SessionProgramSource {
  let files: AccountFiles
  let uploadsWhole: Bool
  /// Shells of this process's own user; `nil` where the configuration has none.
  let shell: OwnUserPrograms?
  /// Sessions of the system's accounts; `nil` where the configuration has none.
  let system: SystemPrograms?
  let hostname: String
  /// Where the folders of an account lie in the operating system, and where it sees them.
  let places: @Sendable (AccountIdentity) -> [(outside: String, inside: String)]
  let surroundings: WorkerSurroundings

  private var context: ServerContext { surroundings.context }

  func start(
    _ start: SessionStart, for account: AccountIdentity, on connection: Connection
  ) async -> (any SessionProgram)? {
    if let program = await systemProgram(start, account, connection) { return program }
    switch start.program {
    case .subsystem("sftp"):
      guard let store = await store(for: account, connection) else { return nil }
      return FileProgram(
        sftp: store, uploadsWhole: uploadsWhole, meter: context.meters.meter(.ssh, SFTPMeasures.operations),
        report: report(account, connection))
    // The console is there for administrators also where sessions get a shell: `ssh -s … console`.
    case .subsystem("console"): return console(start, account, connection)
    case .subsystem: return nil
    case .exec(let command):
      if let scp = SCPCommand(command) {
        guard let store = await store(for: account, connection) else { return nil }
        return FileProgram(scp: scp, store: store, report: report(account, connection))
      }
      return await run(start, account, connection)
    case .shell: return await run(start, account, connection)
    }
  }

  /// What the account has in the operating system; `nil` when it has nothing there.
  private func systemProgram(
    _ start: SessionStart, _ account: AccountIdentity, _ connection: Connection
  ) async -> (any SessionProgram)? {
    guard let system, account.permits("shell") else { return nil }
    if case .subsystem(let name) = start.program, name != "sftp" { return nil }
    switch await system.start(start, on: connection) {
    case .program(let program): return program
    case .noSuchAccount: return nil
    case .refused(let reason):
      emit(.notice, .audit, "session refused", account, connection, [.init("reason", .string(reason))])
      return TextProgram(reason, hasTerminal: start.terminal != nil)
    }
  }

  private func run(
    _ start: SessionStart, _ account: AccountIdentity, _ connection: Connection
  ) async -> (any SessionProgram)? {
    guard let shell, hasShell(account) else { return console(start, account, connection) }
    // Makes the home, where the shell begins.
    _ = await store(for: account, connection)
    return await shell.start(start, for: account, on: connection)
  }

  private func console(
    _ start: SessionStart, _ account: AccountIdentity, _ connection: Connection
  ) -> any SessionProgram {
    let hasTerminal = start.terminal != nil
    guard account.permissions.contains(where: { $0 == "all" || $0 == "console" || $0.hasPrefix("console:") }) else {
      return TextProgram("This account has neither a shell nor the console here.", hasTerminal: hasTerminal)
    }
    var commands: String?
    if case .exec(let line) = start.program { commands = String(decoding: line, as: UTF8.self) }
    return SSHConsoleProgram(
      ConsoleSession(
        surroundings.makeConsole(for: account, hostname: hostname, commands: commands),
        terminal: TerminalDescription(
          columns: Int(start.terminal?.size.columns ?? 0), rows: Int(start.terminal?.size.rows ?? 0),
          type: start.terminal?.term.uppercased() ?? "", echoes: hasTerminal),
        backend: surroundings.consoleBackend(of: connection.id), lineEnd: hasTerminal ? [0x0D, 0x0A] : [0x0A]))
  }

  /// Shells of root are not given out.
  private func hasShell(_ account: AccountIdentity) -> Bool {
    shell != nil && account.permits("shell") && geteuid() != 0
  }

  private func store(for account: AccountIdentity, _ connection: Connection) async -> (any FileStore)? {
    do {
      let files = files
      let store = try await NIOThreadPool.singleton.runIfActive { try files.store(for: account) }
      guard let store, hasShell(account) else { return store }
      return AliasedFileStore(store, aliases: places(account))
    } catch {
      emit(
        .error, .log, "an account's folder can't be opened", account, connection, [.init("error", .string("\(error)"))])
      return nil
    }
  }

  private func report(
    _ account: AccountIdentity, _ connection: Connection
  ) -> @Sendable (SFTPEvent) -> Void {
    { event in
      switch event {
      case .opened(let path, let forWriting):
        let field = Event.Field("path", .string(path.description))
        emit(.debug, .log, forWriting ? "file opened to write" : "file opened to read", account, connection, [field])
      case .closed(let path, let read, let written, let isComplete):
        let isUpload = written > 0 || read == 0
        let message: StaticString =
          isUpload
          ? (isComplete ? "file stored" : "upload broke off") : (isComplete ? "file sent" : "download broke off")
        emit(
          .info, isUpload && isComplete ? .audit : .log, message, account, connection,
          [
            .init("path", .string(path.description)),
            .init("bytes", .bytes(Int64(clamping: isUpload ? written : read))),
          ])
      case .removed(let path):
        emit(.info, .audit, "file removed", account, connection, [.init("path", .string(path.description))])
      case .renamed(let path, let newPath):
        emit(
          .info, .audit, "file renamed", account, connection,
          [.init("path", .string(path.description)), .init("to", .string(newPath.description))])
      case .madeDirectory(let path):
        emit(.info, .audit, "folder made", account, connection, [.init("path", .string(path.description))])
      case .removedDirectory(let path):
        emit(.info, .audit, "folder removed", account, connection, [.init("path", .string(path.description))])
      }
    }
  }

  private func emit(
    _ severity: Event.Severity, _ kind: Event.Kind, _ message: StaticString, _ account: AccountIdentity,
    _ connection: Connection, _ fields: [Event.Field]
  ) {
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: severity, kind: kind, message: message, service: connection.service,
        session: connection.id, peer: connection.peer, account: account.name, fields: fields))
  }
}
