import Configuration
import ConsoleCore
import ConsoleServer
import Foundation
import RDPCore
import RDPServer
import Services
import Supervision
import Synchronization
import Transport

/// RDP: remote desktops.
final class RDPHosting: HostedService {
  static let worker = WorkerName.desktop
  static let services: Set<ServiceName> = [.rdp]

  private let surroundings: WorkerSurroundings
  private let desktops = XDesktops()
  /// Listeners stay over a reload: what runs in new sessions is read here.
  private let session = Mutex(RDPSection.SessionKind.console)

  private init(surroundings: WorkerSurroundings) { self.surroundings = surroundings }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) { part.rdp = whole.rdp }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    guard configuration.rdp.session == .shell || configuration.rdp.session == .x11 else { return }
    // A shell or an X session, and all that it starts, is under the worker's own confinement.
    confinement.maySpawn = true
    confinement.mayTouchAll = true
    confinement.connectPorts = nil
    confinement.bindPorts = nil
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let service = RDPHosting(surroundings: surroundings)
    try await service.apply(settings, sockets)
    return service
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    switch settings.configuration.rdp.session {
    case .console, .shell, .x11: session.withLock { $0 = settings.configuration.rdp.session }
    case .shadow:
      throw CommandFailure(
        "rdp.session: this version has no \"shadow\" yet; use \"console\", \"shell\" or \"x11\"")
    }
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
    let section = settings.configuration.rdp
    let protocols: SecurityProtocols =
      switch section.security {
      case .nla: [.hybrid, .hybridEx]
      case .tls: [.ssl]
      case .either: [.ssl, .hybrid, .hybridEx]
      }
    let server = RDPServer(
      configuration: RDPServerConfiguration(
        protocols: protocols, hostname: settings.configuration.server.hostname.description,
        listener: StreamListenerConfiguration(
          service: .rdp, tls: .starttls, proxies: settings.configuration.proxyProtocol.from)),
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers,
      source: RDPPrograms(settings.configuration, surroundings, desktops) { [self] in session.withLock { $0 } })
    try await server.start(descriptor: descriptor, on: surroundings.group)
    return RunningListener { await server.drain(within: $0) }
  }
}

/// What runs in console sessions: the administration console, or a shell.
struct RDPPrograms: ConsoleSource {
  private let currentSession: @Sendable () -> RDPSection.SessionKind
  let hostname: String
  let surroundings: WorkerSurroundings
  let desktops: XDesktops
  private let shell = OwnUserShell()

  var session: RDPSection.SessionKind { currentSession() }

  init(
    _ configuration: PortsideConfiguration, _ surroundings: WorkerSurroundings, _ desktops: XDesktops,
    session: @escaping @Sendable () -> RDPSection.SessionKind
  ) {
    currentSession = session
    self.desktops = desktops
    hostname = configuration.server.hostname.description
    self.surroundings = surroundings
  }

  var startsDesktops: Bool { session == .x11 }

  func startDesktop(
    width: Int, height: Int, for account: AccountIdentity, on connection: Connection
  ) async -> (any DesktopProgram)? {
    guard account.permits("shell") else { return nil }
    return await desktops.desktop(of: account.name, width: width, height: height, for: connection)
  }

  func start(
    columns: Int, rows: Int, for account: AccountIdentity, on connection: Connection
  ) async -> (any ConsoleProgram)? {
    guard session == .shell else {
      return AdministrationConsole(
        ConsoleSession(
          surroundings.makeConsole(for: account, hostname: hostname),
          terminal: TerminalDescription(columns: columns, rows: rows, type: "XTERM-256COLOR"),
          backend: surroundings.consoleBackend(of: connection.id)))
    }
    guard account.permits("shell") else { return TextConsole("This account has no shell here.") }
    return await shell.start(columns: columns, rows: rows, for: account, on: connection)
  }
}

/// The administration console in a desktop session.
private final class AdministrationConsole: ConsoleProgram {
  private let session: ConsoleSession

  init(_ session: ConsoleSession) { self.session = session }

  func input(_ bytes: [UInt8]) async { if !session.input(bytes) { await session.inputRoom() } }
  func availableOutput(maximum: Int) -> ConsoleOutput? {
    session.availableOutput(maximum: maximum).map { .bytes($0) }
  }
  func output(maximum: Int) async -> ConsoleOutput {
    await session.output(maximum: maximum).map { .bytes($0) } ?? .ended
  }
  func resize(columns: Int, rows: Int) { session.resize(columns: columns, rows: rows) }
  func close() { session.close() }
}
