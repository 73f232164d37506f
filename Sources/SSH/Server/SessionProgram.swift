import Services
import SSHCore
import Transport

/// What runs behind a channel: a shell, a command, a subsystem, a connection to somewhere.
///
/// Calls come one at a time for each direction. The synchronous forms are asked first, on the connection's event loop,
/// and must not block.
public protocol SessionProgram: Sendable {
  /// Takes input at once and completely, or returns `false` to be asked by `input`.
  func takeInput(_ bytes: [UInt8]) -> Bool
  /// Takes input in its own time; the peer is granted no more than its window until then.
  func input(_ bytes: [UInt8]) async
  /// The peer sends nothing more.
  func inputEnd()
  /// The next output, if there is some, at most `maximum` bytes.
  func availableOutput(maximum: Int) -> ProgramOutput?
  /// The next output, when there is some.
  func output(maximum: Int) async -> ProgramOutput
  func resize(_ size: TerminalSize)
  /// A signal by its name without SIG, or `BREAK`.
  func signal(_ name: String)
  /// The channel is gone.
  func close()
}

extension SessionProgram {
  public func takeInput(_ bytes: [UInt8]) -> Bool { false }
  public func availableOutput(maximum: Int) -> ProgramOutput? { nil }
  public func resize(_ size: TerminalSize) {}
  public func signal(_ name: String) {}
}

/// Decides what runs in a session, and starts it: the owner's word.
public protocol SessionProgramSource: Sendable {
  /// Starts what was asked for, or refuses by `nil`.
  func start(_ start: SessionStart, for account: AccountIdentity, on connection: Connection) async
    -> (any SessionProgram)?
}

/// Runs nothing: for servers that only forward, and as the safe beginning of an owner's own source.
public struct NoPrograms: SessionProgramSource {
  public init() {}
  public func start(
    _ start: SessionStart, for account: AccountIdentity, on connection: Connection
  ) async -> (any SessionProgram)? { nil }
}
