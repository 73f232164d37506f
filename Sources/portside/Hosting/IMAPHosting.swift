import Configuration
import IMAPCore
import IMAPServer
import Services
import Supervision
import Transport

/// IMAP: mailboxes for mail programs.
final class IMAPHosting: HostedService {
  static let worker = WorkerName.mail
  static let services: Set<ServiceName> = [.imap, .imaps]

  private let surroundings: WorkerSurroundings
  private let server: IMAPServer

  private init(surroundings: WorkerSurroundings, server: IMAPServer) {
    self.surroundings = surroundings
    self.server = server
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) { part.imap = whole.imap }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    MailHosting.confine(&confinement, in: folder)
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let server = IMAPServer(
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, store: try await surroundings.mail.store(settings),
      configuration: configuration(settings))
    surroundings.metrics.reading("portside_imap_connections", help: "Open IMAP connections.") {
      Double(server.connectionCount)
    }
    return IMAPHosting(surroundings: surroundings, server: server)
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    server.reload(Self.configuration(settings))
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
    let listening = try await server.listen(
      .init(tls: .init(declaration.tls), proxies: settings.configuration.proxyProtocol.from), descriptor: descriptor,
      on: surroundings.group)
    return RunningListener { await listening.drain(within: $0) }
  }

  private static func configuration(_ settings: WorkerSettings) -> IMAPServer.Configuration {
    let section = settings.configuration.imap
    var limits = IMAPLimits()
    limits.idleTime = section.idleTimeout
    limits.messagesOfCommand = section.messageLimit > 0 ? section.messageLimit : nil
    return IMAPServer.Configuration(
      hostName: settings.configuration.server.hostname.description, limits: limits
    ) { section.acceptsPlaintext(from: $0) }
  }
}
