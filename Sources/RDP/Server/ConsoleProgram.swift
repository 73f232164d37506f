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

  /// Whether desktops are started in place of consoles.
  var startsDesktops: Bool { get }
  /// Starts a desktop for who has logged in, or finds the one that still runs; refuses by `nil`.
  func startDesktop(
    width: Int, height: Int, for account: AccountIdentity, on connection: Connection
  ) async -> (any DesktopProgram)?
}

extension ConsoleSource {
  public var startsDesktops: Bool { false }
  public func startDesktop(
    width: Int, height: Int, for account: AccountIdentity, on connection: Connection
  ) async -> (any DesktopProgram)? { nil }
}

/// A desktop that lives longer than the connections that show it, one at a time.
public protocol DesktopProgram: Sendable {
  /// Keys and mouse, if that connection still has the desktop.
  func take(_ events: [InputEvent], from viewer: SessionID)
  /// What has changed since the last frame, when something has.
  func frame(for viewer: SessionID) async -> DesktopFrame
  /// All of it shall come with the next frame.
  func refresh()
  func resize(width: Int, height: Int)
  /// The connection is gone; the desktop stays.
  func leave(_ viewer: SessionID)
}
