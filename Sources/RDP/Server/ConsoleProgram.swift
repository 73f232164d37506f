import RDPCore
import Services
import Transport

/// What runs in a console session: reads keys, writes to a terminal.
///
/// Calls come one at a time for each direction. The synchronous form is asked first, on the connection's event loop, and must
/// not block.
public protocol ConsoleProgram: Sendable {
  /// Takes keys; returns once they are taken.
  func input(_ bytes: [UInt8]) async
  /// The next output, if there is some, at most `maximum` bytes.
  func availableOutput(maximum: Int) -> ConsoleOutput?
  /// The next output, when there is some.
  func output(maximum: Int) async -> ConsoleOutput
  func resize(columns: Int, rows: Int)
  /// The connection is gone.
  func close()
}

/// Decides what runs in a session, and starts it: the owner's word.
public protocol ConsoleSource: Sendable {
  /// Starts it for who has logged in, or refuses by `nil`.
  func start(
    columns: Int, rows: Int, for account: AccountIdentity, on connection: Connection
  ) async -> (any ConsoleProgram)?
}
