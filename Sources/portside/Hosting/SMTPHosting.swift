import Configuration
import Foundation
import MilterClient
import SMTPClient
import SMTPCore
import SMTPServer
import Services
import Stores
import Supervision
import Transport
import WireKit

/// SMTP and submission, with the queue of what goes out.
final class SMTPHosting: HostedService {
  static let worker = WorkerName.mail
  static let services: Set<ServiceName> = [.smtp, .submission, .submissions, .lmtp]

  private let surroundings: WorkerSurroundings
  private let server: SMTPServer
  let queue: SQLiteQueueStore
  private let publisher: MailPublisher

  private init(
    surroundings: WorkerSurroundings, server: SMTPServer, queue: SQLiteQueueStore, publisher: MailPublisher
  ) {
    self.surroundings = surroundings
    self.server = server
    self.queue = queue
    self.publisher = publisher
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    part.smtp = whole.smtp
    // Where our own resolver answers, and nothing of what it answers: a new zone is no concern of the mail.
    part.listen = whole.listen
    (part.dns.enabled, part.dns.on, part.dns.port) = (whole.dns.enabled, whole.dns.on, whole.dns.port)
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    MailHosting.confine(&confinement, in: folder)
    confinement.writePaths += [folder.queue, folder.publication]
    confinement.readPaths.append(folder.sieve)
    // Mail goes to servers, and to relays at any port; questions that don't fit into a datagram to DNS.
    var ports: [UInt16] = [25, 53]
    // Policies of other domains are fetched over HTTPS.
    if case .server(let url) = configuration.smtp.relay.via { ports.append(url.port) } else { ports.append(443) }
    for milter in configuration.smtp.milters {
      switch MilterClient.Place(milter.description) {
      case .network(let endpoint): ports.append(endpoint.port)
      // Whoever connects to a socket needs to write it.
      case .unix(let path): confinement.writePaths.append(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
      case nil: break
      }
    }
    if let resolver = SMTPResolver.own(configuration) { ports.append(resolver.port) }
    confinement.connectPorts = (confinement.connectPorts ?? []) + Set(ports).sorted()
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let folder = DataFolder(settings.configuration)
    let queue = try SQLiteQueueStore(
      path: folder.queueDatabase, meter: surroundings.context.meters.store("queue"))
    let resolver = DNSMailResolver(servers: SMTPResolver.servers(settings.configuration))
    let publisher = MailPublisher(resolver: resolver, context: surroundings.context)
    try publisher.apply(settings, sockets)
    let server = SMTPServer(
      SMTPServer.Parts(
        context: surroundings.context, store: try await surroundings.mail.store(settings), queue: queue,
        resolver: resolver, client: SMTPClient(group: surroundings.group), signer: publisher.signer,
        rewriting: SenderRewriting(key: try SigningKeys(folder, try signingSecret(settings)).rewritingKey()),
        policies: TransportPolicies(
          resolver: resolver, fetcher: HTTPSPolicyFetcher(resolver: resolver, group: surroundings.group),
          file: "\(folder.queue)/mta-sts.json", clock: surroundings.context.clock),
        reportFolder: folder.queue, scripts: SieveFolder(path: folder.sieve),
        vacations: VacationMemory(file: "\(folder.queue)/vacation.seen")),
      configuration: try configuration(settings))
    register(server, in: surroundings)
    server.start()
    publisher.start()
    publisher.everyMinute { await server.tick() }
    return SMTPHosting(surroundings: surroundings, server: server, queue: queue, publisher: publisher)
  }

  static func signingSecret(_ settings: WorkerSettings) throws -> Secret {
    guard let secret = settings.signingSecret else { throw CommandFailure("the mail worker was given no key for keys") }
    return secret
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    try publisher.apply(settings, sockets)
    server.reload(try Self.configuration(settings))
  }

  func stop() async {
    publisher.stop()
    await server.stop()
    try? queue.close()
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
    let server = server
    let offersTLS = declaration.tls != .none
    let listener = StreamListener<SMTPCore.ServerSession, SMTPRequestHandler>(
      configuration: StreamListenerConfiguration(
        service: declaration.service, tls: .init(declaration.tls),
        applicationProtocols: [declaration.service == .lmtp ? "lmtp" : "smtp"],
        proxies: settings.configuration.proxyProtocol.from, refusal: Array("421 4.7.0 Not now\r\n".utf8),
        plainTextRefusal: Array("554 5.7.0 This port begins with TLS\r\n".utf8)),
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, handler: server.handler
    ) { server.makeSession($0, offersTLS: offersTLS) }
    try await listener.start(descriptor: descriptor, on: surroundings.group)
    return RunningListener { await listener.drain(within: $0) }
  }

  // MARK: Configuration

  private static func configuration(_ settings: WorkerSettings) throws -> SMTPServerConfiguration {
    let section = settings.configuration.smtp
    var limits = SMTPLimits()
    limits.messageSize = Int64(clamping: section.maxSize.bytes)
    limits.recipients = section.maxRecipients
    var configuration = SMTPServerConfiguration(
      hostname: settings.configuration.server.hostname.description,
      domains: Set(section.domains.map { $0.description.lowercased() }), limits: limits)
    configuration.relayNetworks = section.relay.allow
    configuration.route = route(section.relay, settings.relayPassword)
    configuration.allowsPlaintext = section.plaintext
    configuration.plaintextNetworks = section.plaintextNetworks
    configuration.queueTime = section.queueFor
    configuration.aliases = Dictionary(
      section.aliases.map { ($0.key.description.lowercased(), $0.value.map(\.description)) },
      uniquingKeysWith: { first, _ in first })
    configuration.catchAll = Dictionary(
      section.catchAll.map { ($0.key.description.lowercased(), $0.value.description) },
      uniquingKeysWith: { first, _ in first })
    configuration.blockLists = section.blockLists.map(\.description)
    configuration.greylistTime = section.greylist
    configuration.milters = try section.milters.map { text in
      guard let place = MilterClient.Place(text.description) else {
        throw CommandFailure("smtp.milters: '\(text)' is neither inet:ADDRESS:PORT nor unix:/PATH")
      }
      return MilterClient(place)
    }
    configuration.milterFailurePasses = section.milterFailure == .accept
    configuration.trustedSealers = Set(section.trustedForwarders.map { $0.description.lowercased() })
    configuration.isLaboratory = settings.isLaboratory
    if settings.isLaboratory { configuration.faults = faults(section.faults.map(\.description)) }
    return configuration
  }

  /// `rcpt=451`
  private static func faults(_ list: [String]) -> [String: Int] {
    var faults: [String: Int] = [:]
    for text in list {
      let parts = text.split(separator: "=")
      if parts.count == 2, let code = Int(parts[1]) { faults[parts[0].lowercased()] = code }
    }
    return faults
  }

  private static func route(_ relay: SMTPRelay, _ password: Secret?) -> SMTPServerConfiguration.Route {
    guard case .server(let url) = relay.via else { return .direct }
    let host =
      switch url.host {
      case .address(let address): address.description
      case .name(let name): name.description
      }
    let isLoopback = IPAddress(host)?.isLoopback == true
    let security: ClientPlan.Security =
      switch url.scheme {
      case "submissions": .implicit
      case "submission": isLoopback ? .opportunistic : .required
      default: .opportunistic
      }
    return .relay(
      .init(host: host, port: url.port, security: security, user: relay.user?.description, password: password))
  }

  private static func register(_ server: SMTPServer, in surroundings: WorkerSurroundings) {
    for (name, help, value) in [
      ("received", "Messages taken.", \SMTPServer.Counters.received),
      ("delivered", "Deliveries into mailboxes here.", \.delivered),
      ("queued", "Messages put into the queue.", \.queued), ("sent", "Deliveries to other servers.", \.sent),
      ("bounced", "Recipients given up.", \.bounced), ("refused", "Commands refused.", \.refused),
    ] as [(String, String, KeyPath<SMTPServer.Counters, UInt64> & Sendable)] {
      surroundings.metrics.reading("portside_smtp_\(name)", help: help) { Double(server.counters[keyPath: value]) }
    }
  }
}

/// Whom the mail server asks for mail exchanges and keys.
enum SMTPResolver {
  /// Our own DNS server, where it runs on this machine: it knows our own zones.
  static func own(_ configuration: PortsideConfiguration) -> Endpoint? {
    let endpoints = configuration.listeners().filter { $0.service == .dns && $0.transport == .udp }.map(\.endpoint)
    guard let first = endpoints.first(where: { $0.address.isLoopback }), first.port != 0 else { return nil }
    return first
  }

  /// In a laboratory our own server; else those of the system.
  static func servers(_ configuration: PortsideConfiguration) -> [Endpoint] {
    let system = DNSMailResolver.servers(
      resolvConf: (try? String(contentsOfFile: "/etc/resolv.conf", encoding: .utf8)) ?? "")
    return own(configuration).map { [$0] } ?? system
  }
}
