import Configuration
import ManageSieveCore
import ManageSieveServer
import Services
import Supervision
import Transport

/// ManageSieve: people's filters, by their mail programs.
final class ManageSieveHosting: HostedService {
  static let worker = WorkerName.mail
  static let services: Set<ServiceName> = [.sieve]

  private let surroundings: WorkerSurroundings
  private let server: ManageSieveServer

  private init(surroundings: WorkerSurroundings, server: ManageSieveServer) {
    self.surroundings = surroundings
    self.server = server
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) { part.sieve = whole.sieve }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    confinement.writePaths.append(folder.sieve)
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let server = ManageSieveServer(
      context: surroundings.context, folder: ScriptFolder(path: DataFolder(settings.configuration).sieve),
      configuration: configuration(settings))
    for (name, help, value) in [
      ("log_ins", "Sessions that logged in.", \ManageSieveServer.Counters.logIns),
      ("scripts", "Scripts taken.", \.scripts),
    ] as [(String, String, KeyPath<ManageSieveServer.Counters, UInt64> & Sendable)] {
      surroundings.metrics.reading("portside_sieve_\(name)", help: help) { Double(server.counters[keyPath: value]) }
    }
    return ManageSieveHosting(surroundings: surroundings, server: server)
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
    let listener = StreamListener<ManageSieveSession, ManageSieveRequestHandler>(
      configuration: StreamListenerConfiguration(
        service: declaration.service, tls: .init(declaration.tls), applicationProtocols: ["managesieve"],
        proxies: settings.configuration.proxyProtocol.from, refusal: Array("BYE (TRYLATER) \"Not now\"\r\n".utf8)),
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, handler: server.handler
    ) { server.makeSession($0, offersTLS: offersTLS) }
    try await listener.start(descriptor: descriptor, on: surroundings.group)
    return RunningListener { await listener.drain(within: $0) }
  }

  private static func configuration(_ settings: WorkerSettings) -> ManageSieveServer.Configuration {
    let section = settings.configuration.sieve
    return ManageSieveServer.Configuration(
      allowsPlaintext: section.plaintext, plaintextNetworks: section.plaintextNetworks)
  }
}
