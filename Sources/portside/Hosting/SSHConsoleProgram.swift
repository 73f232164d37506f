import ConsoleServer
import SSHCore
import SSHServer

/// The console behind an SSH channel.
struct SSHConsoleProgram: SessionProgram {
  private let session: ConsoleSession

  init(_ session: ConsoleSession) { self.session = session }

  func takeInput(_ bytes: [UInt8]) -> Bool { session.input(bytes) }
  // What did not go in at once has been taken all the same, and waits: no more is taken until there is room.
  func input(_ bytes: [UInt8]) async { await session.inputRoom() }
  func inputEnd() { session.inputEnd() }
  func availableOutput(maximum: Int) -> ProgramOutput? { session.availableOutput(maximum: maximum).map { .bytes($0) } }

  func output(maximum: Int) async -> ProgramOutput {
    guard let bytes = await session.output(maximum: maximum) else { return .ended(.code(session.exitCode)) }
    return .bytes(bytes)
  }

  func resize(_ size: TerminalSize) { session.resize(columns: Int(size.columns), rows: Int(size.rows)) }
  func signal(_ name: String) { if name == "INT" { session.interrupt() } }
  func close() { session.close() }
}
