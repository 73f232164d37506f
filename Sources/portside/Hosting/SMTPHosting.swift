import Configuration
import Foundation
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
  static let services: Set<ServiceName> = [.smtp, .submission, .submissions]

  private let surroundings: WorkerSurroundings
  private let server: SMTPServer
  private let queue: SQLiteQueueStore
  private let signer: DKIMSigner

  private init(surroundings: WorkerSurroundings, server: SMTPServer, queue: SQLiteQueueStore, signer: DKIMSigner) {
    self.surroundings = surroundings
    self.server = server
    self.queue = queue
    self.signer = signer
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
    confinement.writePaths.append(folder.queue)
    confinement.readPaths.append(folder.sieve)
    // Mail goes to servers, and to relays at any port; questions that don't fit into a datagram to DNS.
    var ports: [UInt16] = [25, 53]
    if case .server(let url) = configuration.smtp.relay.via { ports.append(url.port) }
    if let resolver = SMTPResolver.own(configuration) { ports.append(resolver.port) }
    confinement.connectPorts = (confinement.connectPorts ?? []) + Set(ports).sorted()
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let folder = DataFolder(settings.configuration)
    let queue = try SQLiteQueueStore(path: folder.queueDatabase)
    let signer = DKIMSigner(try SigningKeys(folder).load(settings.configuration))
    let server = SMTPServer(
      SMTPServer.Parts(
        context: surroundings.context, store: try await surroundings.mail.store(settings), queue: queue,
        resolver: DNSMailResolver(servers: SMTPResolver.servers(settings.configuration)),
        client: SMTPClient(group: surroundings.group), signer: signer,
        rewriting: SenderRewriting(key: try SigningKeys(folder).rewritingKey()),
        scripts: SieveFolder(path: folder.sieve), vacations: VacationMemory(file: "\(folder.queue)/vacation.seen")),
      configuration: configuration(settings))
    register(server, in: surroundings)
    server.start()
    return SMTPHosting(surroundings: surroundings, server: server, queue: queue, signer: signer)
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    signer.reload(try SigningKeys(DataFolder(settings.configuration)).load(settings.configuration))
    server.reload(Self.configuration(settings))
  }

  func stop() async {
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
        service: declaration.service, tls: .init(declaration.tls), applicationProtocols: ["smtp"],
        proxies: settings.configuration.proxyProtocol.from, refusal: Array("421 4.7.0 Not now\r\n".utf8),
        plainTextRefusal: Array("554 5.7.0 This port begins with TLS\r\n".utf8)),
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, handler: server.handler
    ) { server.makeSession($0, offersTLS: offersTLS) }
    try await listener.start(descriptor: descriptor, on: surroundings.group)
    return RunningListener { await listener.drain(within: $0) }
  }

  // MARK: Configuration

  private static func configuration(_ settings: WorkerSettings) -> SMTPServerConfiguration {
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
      case .socket(let path): path.description
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

/// The keys that sign what leaves, one file each of mode 0600; made when they are missing.
struct SigningKeys {
  private let folder: String

  init(_ folder: DataFolder) { self.folder = folder.signingKeys }

  private static let selectors = [(name: "rsa1", isRSA: true), (name: "ed1", isRSA: false)]

  /// The keys of each domain.
  func load(_ configuration: PortsideConfiguration) throws -> [String: [DKIMSigner.Entry]] {
    let manager = FileManager.default
    try manager.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    var keys: [String: [DKIMSigner.Entry]] = [:]
    for domain in configuration.smtp.domains.map({ $0.description.lowercased() }) {
      keys[domain] = try Self.selectors.map { selector in
        let path = "\(folder)/\(domain).\(selector.name).key"
        return DKIMSigner.Entry(selector: selector.name, key: try key(atPath: path, isRSA: selector.isRSA))
      }
    }
    return keys
  }

  /// The secret of rewritten senders.
  func rewritingKey() throws -> [UInt8] {
    let path = "\(folder)/srs.key"
    if let content = FileManager.default.contents(atPath: path), content.count >= 16 { return [UInt8](content) }
    let key = (0..<32).map { _ in UInt8.random(in: 0...255) }
    try write(key, to: path)
    return key
  }

  private func key(atPath path: String, isRSA: Bool) throws -> DKIMKey {
    if let content = FileManager.default.contents(atPath: path) {
      guard let key = DKIMKey(stored: [UInt8](content)) else { throw CommandFailure("\(path) holds no key") }
      return key
    }
    let key = isRSA ? try DKIMKey.makeRSA() : DKIMKey.makeEd25519()
    try write(key.stored, to: path)
    return key
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw CommandFailure("can't make \(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    guard Foundation.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
      unlink(path)
      throw CommandFailure("can't write \(path)")
    }
  }
}
