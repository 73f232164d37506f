import Configuration
import DNSCore
import DNSServer
import Foundation
import Services
import Supervision
import Transport

/// The worker `names`: DNS.
final class NamesWorker: Worker {
  private let surroundings: WorkerSurroundings
  private let server: DNSServer
  private let listeners: ListenerSet

  private init(surroundings: WorkerSurroundings, server: DNSServer) {
    self.surroundings = surroundings
    self.server = server
    listeners = ListenerSet()
  }

  static func start(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws -> NamesWorker {
    let surroundings = WorkerSurroundings(name: "names", settings)
    var configuration = DNSServerConfiguration()
    configuration.responder.udpLimit = settings.configuration.dns.udpSize
    let server = DNSServer(context: surroundings.context, configuration: configuration)
    register(server, in: surroundings)
    let worker = NamesWorker(surroundings: surroundings, server: server)
    try await worker.apply(settings, sockets)
    if settings.listeners.values.contains(where: { $0.service == .dot }) {
      await surroundings.awaitCertificates(for: [.dot])
    }
    return worker
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    surroundings.apply(settings)
    let folder = DataFolder(settings.configuration)
    var sources: [ZoneSource] = []
    for zone in settings.configuration.dns.zones {
      guard let apex = try? Name(zone.name.description) else {
        throw CommandFailure("dns.zones: '\(zone.name)' is no domain name")
      }
      sources.append(ZoneSource(apex: apex, .file(folder.zoneFile(zone))))
    }
    await server.reload(sources)
    try await listeners.update(sockets) { [self] socket in
      guard let declaration = settings.listeners[socket.name] else { return nil }
      return try await listen(socket, declaration, settings)
    }
  }

  func drain(within limit: Duration) async {
    await listeners.drain(within: limit)
    server.stop()
    await surroundings.stop()
  }

  private func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    switch declaration.transport {
    case .udp:
      let group = try server.serve(datagrams: socket.descriptors)
      return RunningListener { _ in
        group.stop()
        try? await group.finished()
        socket.close()
      }
    case .tcp:
      let server = server
      let listener = StreamListener<DNSStreamSession, DNSStreamHandler>(
        configuration: StreamListenerConfiguration(
          service: declaration.service, tls: .init(declaration.tls), applicationProtocols: ["dot"],
          proxies: settings.configuration.proxyProtocol.from, isRegistered: false),
        context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
        numbers: surroundings.numbers, handler: server.streamHandler
      ) { server.makeStreamSession($0) }
      guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
      try await listener.start(descriptor: descriptor, on: surroundings.group)
      return RunningListener { await listener.drain(within: $0) }
    }
  }

  private static func register(_ server: DNSServer, in surroundings: WorkerSurroundings) {
    for (transport, tally) in [
      ("udp", \DNSMetrics.datagrams), ("stream", \DNSMetrics.streams),
    ] as [(String, KeyPath<DNSMetrics, ResponderTally> & Sendable)] {
      surroundings.metrics.reading("portside_dns_queries", help: "DNS queries taken.", ["transport": transport]) {
        Double(server.metrics[keyPath: tally].queries)
      }
    }
  }
}
