import Configuration
import POP3Core
import POP3Server
import Services
import Supervision
import Transport

/// POP3, with STLS and inside TLS.
final class POP3Hosting: HostedService {
  static let worker = WorkerName.mail
  static let services: Set<ServiceName> = [.pop3, .pop3s]

  private let surroundings: WorkerSurroundings
  private let server: POP3Server

  private init(surroundings: WorkerSurroundings, server: POP3Server) {
    self.surroundings = surroundings
    self.server = server
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) { part.pop3 = whole.pop3 }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    MailHosting.confine(&confinement, in: folder)
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let server = POP3Server(
      context: surroundings.context, store: try await surroundings.mail.store(settings),
      configuration: configuration(settings))
    for (name, help, value) in [
      ("log_ins", "Sessions that logged in.", \POP3Server.Counters.logIns),
      ("retrieved", "Messages sent whole.", \.retrieved), ("deleted", "Messages deleted.", \.deleted),
    ] as [(String, String, KeyPath<POP3Server.Counters, UInt64> & Sendable)] {
      surroundings.metrics.reading("portside_pop3_\(name)", help: help) { Double(server.counters[keyPath: value]) }
    }
    return POP3Hosting(surroundings: surroundings, server: server)
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    server.reload(Self.configuration(settings))
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
    let server = server
    let offersTLS = declaration.tls != .none
    let listener = StreamListener<POP3ServerSession, POP3RequestHandler>(
      configuration: StreamListenerConfiguration(
        service: declaration.service, tls: .init(declaration.tls), applicationProtocols: ["pop3"],
        proxies: settings.configuration.proxyProtocol.from, refusal: Array("-ERR [SYS/TEMP] Not now\r\n".utf8),
        plainTextRefusal: Array("-ERR This port begins with TLS\r\n".utf8)),
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, handler: server.handler
    ) { server.makeSession($0, offersTLS: offersTLS) }
    try await listener.start(descriptor: descriptor, on: surroundings.group)
    return RunningListener { await listener.drain(within: $0) }
  }

  private static func configuration(_ settings: WorkerSettings) -> POP3Server.Configuration {
    let section = settings.configuration.pop3
    var limits = POP3Limits()
    limits.idleTime = section.idleTimeout
    limits.logInDelay = section.loginDelay
    limits.expireAfterDays = section.expireAfterDays >= 0 ? section.expireAfterDays : nil
    return POP3Server.Configuration(
      hostname: settings.configuration.server.hostname.description, limits: limits,
      allowsPlaintext: section.plaintext, plaintextNetworks: section.plaintextNetworks)
  }
}
