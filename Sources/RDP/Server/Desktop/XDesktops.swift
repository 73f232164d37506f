import NIOCore
import RDPCore
import Services
import Transport

/// The X sessions of this server, one an account: started when first asked for, found again later.
public actor XDesktops {
  private var desktops: [String: XDesktop] = [:]
  /// Sessions at most: each is an X server and what runs in it.
  private let maximum: Int
  private var isStarting: Set<String> = []

  public init(maximum: Int = 64) { self.maximum = maximum }

  /// The account's desktop, given to this connection; `nil` when there is none to be had.
  public func desktop(
    of account: String, width: Int, height: Int, for connection: Connection
  ) async -> (any DesktopProgram)? {
    desktops = desktops.filter { $0.value.isRunning }
    if let desktop = desktops[account] {
      desktop.attach(connection.id)
      desktop.resize(width: width, height: height)
      return desktop
    }
    guard desktops.count + isStarting.count < maximum, isStarting.insert(account).inserted else { return nil }
    defer { isStarting.remove(account) }
    guard let programs = XDesktop.Programs.found(),
      let desktop = try? await XDesktop.start(programs, width: width, height: height, on: connection.eventLoop)
    else { return nil }
    desktops[account] = desktop
    desktop.attach(connection.id)
    return desktop
  }

  /// Ends all sessions.
  public func close() {
    for desktop in desktops.values { desktop.shutDown() }
    desktops = [:]
  }
}
