import ArgumentParser
import Configuration
import ConsoleCore
import ConsoleServer
import Foundation
import Gate
import Transport

/// `portside console`: the same console that Telnet and SSH offer, at the machine itself.
struct ConsoleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "console", abstract: "The running server's console: show, change, ask.",
    discussion: """
      Without words it asks for them, with ? and TAB; with words it carries them out and ends.

      Examples:
        portside console
        portside console 'show sessions | match telnet'
        portside console 'show zones | json'
      """)
  @OptionGroup var options: ConfigurationOptions
  @Argument(help: "A command, or several with ';' between them.") var words: [String] = []

  func run() async throws {
    let configuration = try options.load()
    let remote: RemoteAdministration
    do {
      remote = try await RemoteAdministration(path: DataFolder(configuration).adminSocket, clock: SystemClock())
    } catch { throw CommandFailure(error.message) }
    let line = words.isEmpty ? nil : words.joined(separator: " ")
    let console = Console(
      ProgramCommands.tree,
      settings: ProgramCommands.settings(account: "local", hostname: configuration.server.hostname.description),
      commands: line)
    let code = await LocalTerminal.run(
      console, backend: AdministratorBackend(remote: remote), asksForInput: line == nil)
    await remote.close()
    if code != 0 { throw ExitCode(1) }
  }
}

/// Console commands by way of the administrators' socket.
private struct AdministratorBackend: ConsoleBackend {
  let remote: RemoteAdministration
  func perform(_ call: ConsoleCall) async -> ConsoleAnswer { await remote.perform(call) }
}

/// Runs a console on standard input and output.
enum LocalTerminal {
  /// The console's exit code.
  static func run(_ console: Console, backend: some ConsoleBackend, asksForInput: Bool) async -> UInt32 {
    let isTerminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && asksForInput
    var saved = termios()
    if isTerminal {
      tcgetattr(STDIN_FILENO, &saved)
      var raw = saved
      cfmakeraw(&raw)
      tcsetattr(STDIN_FILENO, TCSANOW, &raw)
    }
    defer { if isTerminal { tcsetattr(STDIN_FILENO, TCSANOW, &saved) } }
    let session = ConsoleSession(
      console, terminal: description(isTerminal), backend: backend, lineEnd: isTerminal ? [0x0D, 0x0A] : [0x0A])
    let resizing = isTerminal ? watchSize(session) : nil
    if asksForInput { Thread.detachNewThread { read(into: session) } }
    while let bytes = await session.output() { write(bytes) }
    resizing?.cancel()
    return session.exitCode
  }

  private static func description(_ isTerminal: Bool) -> TerminalDescription {
    let size = size()
    return TerminalDescription(
      columns: isTerminal ? size.columns : 0, rows: isTerminal ? size.rows : 0,
      type: isTerminal ? ProcessInfo.processInfo.environment["TERM"] ?? "" : "", echoes: isTerminal)
  }

  private static func size() -> (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return (0, 0) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  private static func watchSize(_ session: ConsoleSession) -> any DispatchSourceSignal {
    let source = DispatchSource.makeSignalSource(signal: SIGWINCH, queue: .global())
    source.setEventHandler {
      let size = size()
      session.resize(columns: size.columns, rows: size.rows)
    }
    source.resume()
    return source
  }

  /// Reads on a thread of its own: a read from a terminal blocks.
  private static func read(into session: ConsoleSession) {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Foundation.read(STDIN_FILENO, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return session.inputEnd() }
      session.input(buffer[..<count])
    }
  }

  private static func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
