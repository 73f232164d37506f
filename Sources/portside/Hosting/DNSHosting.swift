import Configuration
import ConsoleCore
import DNSCore
import DNSServer
import Foundation
import Services
import Supervision
import Transport

/// DNS, over UDP, TCP and TLS.
final class DNSHosting: HostedService {
  static let worker = WorkerName.names
  static let services: Set<ServiceName> = [.dns, .dot]

  private let surroundings: WorkerSurroundings
  private let server: DNSServer

  private init(surroundings: WorkerSurroundings, server: DNSServer) {
    self.surroundings = surroundings
    self.server = server
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) { part.dns = whole.dns }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    let folders = configuration.dns.zones.map { zone in
      let file = folder.zoneFile(zone)
      return String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
    }
    confinement.readPaths += Set(folders).sorted()
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    var configuration = DNSServerConfiguration()
    configuration.responder.udpLimit = settings.configuration.dns.udpSize
    let server = DNSServer(context: surroundings.context, configuration: configuration)
    register(server, in: surroundings)
    let service = DNSHosting(surroundings: surroundings, server: server)
    try await service.apply(settings, sockets)
    return service
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    let folder = DataFolder(settings.configuration)
    var sources: [ZoneSource] = []
    for zone in settings.configuration.dns.zones {
      guard let apex = try? Name(zone.name.description) else {
        throw CommandFailure("dns.zones: '\(zone.name)' is no domain name")
      }
      sources.append(ZoneSource(apex: apex, .file(folder.zoneFile(zone))))
    }
    await server.reload(sources)
  }

  static let commands = [
    Command(
      "show zones", permission: "console:show", "the zones that are served", columns: ["zone", "serial", "records"]),
    Command(
      "show zone", [.init("ZONE", .object(of: "show zones"))], permission: "console:show", "the records of a zone",
      columns: ["name", "ttl", "type", "data"]),
  ]

  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    let zones = server.servedZones.sorted { $0.apex.description < $1.apex.description }
    if question.command == "show zones" {
      let rows = zones.map { [Self.shown($0.apex), "\($0.soa.serial)", "\($0.recordCount)"] }
      return question.page(["zone", "serial", "records"], rows)
    }
    guard let text = question.values.first, let apex = try? Name(text),
      let zone = zones.first(where: { $0.apex == apex })
    else { return .failure("there is no zone '\(question.values.first ?? "")'") }
    // Rows are made for this page alone: a zone may have millions.
    let start = max(0, question.after.flatMap { Int($0) } ?? 0)
    var (index, rows) = (0, [[String]]())
    zone.forEachRecord { record in
      defer { index += 1 }
      guard index >= start, rows.count < ConsoleQuestion.pageLength else { return }
      rows.append([record.name.description, "\(record.ttl)", "\(record.type)", record.data.description])
    }
    let end = start + rows.count
    return .listing(
      Listing(columns: ["name", "ttl", "type", "data"], rows: rows, next: end < index ? "\(end)" : nil))
  }

  /// Without the dot at its end, as zones are configured.
  private static func shown(_ apex: Name) -> String {
    let text = apex.description
    return text.count > 1 && text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  func stop() async { server.stop() }

  func listen(
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
