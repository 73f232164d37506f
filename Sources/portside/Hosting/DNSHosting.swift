import Configuration
import ConsoleCore
import DNSCore
import DNSReplication
import DNSResolver
import DNSServer
import Foundation
import class NIOPosix.MultiThreadedEventLoopGroup
import Services
import Supervision
import Synchronization
import Transport
import WireKit

/// DNS, over UDP, TCP and TLS.
final class DNSHosting: HostedService {
  static let worker = WorkerName.names
  static let services: Set<ServiceName> = [.dns, .dot]

  private let surroundings: WorkerSurroundings
  let server: DNSServer
  let resolver: Resolver
  /// Signs the zones that are to be signed.
  let signing: ZoneSigning
  let trusted: TrustedRoot
  /// Transfers, NOTIFY and updates.
  let replication: ZoneReplication
  /// Names that have the addresses of others.
  let aliases: ApexAliases
  private let section = Mutex(DNSSection())
  /// `show zone`, page by page.
  private let listings = ZoneListings()
  private let upkeep = Mutex<Task<Void, Never>?>(nil)

  private init(
    surroundings: WorkerSurroundings, server: DNSServer, resolver: Resolver, signing: ZoneSigning, trusted: TrustedRoot,
    replication: ZoneReplication
  ) {
    self.trusted = trusted
    self.surroundings = surroundings
    self.server = server
    self.resolver = resolver
    self.replication = replication
    aliases = ApexAliases(server, resolver, surroundings.context)
    self.signing = signing
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    part.dns = whole.dns
    MailRecordsFeed.share(whole, with: &part)
    HostKeyRecords.share(whole, with: &part)
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    let folders = configuration.dns.zones.map { zone in
      let file = folder.zoneFile(zone)
      return String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
    }
    let policies = (configuration.dns.blockLists + configuration.dns.policyZones).map { path -> String in
      let file = path.description
      return String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
    }
    confinement.readPaths += Set(folders + policies).sorted()
    let keepsKeys = configuration.dns.zones.contains { $0.dnssec != nil }
    if keepsKeys || TrustedRoot.isKept(configuration.dns) { confinement.writePaths.append(folder.zoneKeys) }
    MailRecordsFeed.confine(&confinement, for: configuration, in: folder)
    HostKeyRecords.confine(&confinement, for: configuration, in: folder)
    confinement.writePaths.append(folder.replication)
    let authorities = configuration.dns.zones.compactMap(\.authority?.description)
    confinement.readPaths += Set(authorities.map { String($0[..<($0.lastIndex(of: "/") ?? $0.endIndex)]) }).sorted()
    // Primaries, over TCP.
    let primaries = configuration.dns.zones.flatMap { zone in zone.from.map { $0.port ?? (zone.tls ? 853 : 53) } }
    confinement.connectPorts? += Set(primaries).sorted()
    guard configuration.dns.asksOthers else { return }
    // Over TCP to forwarders, and to any server for what does not fit into UDP.
    confinement.connectPorts? += Set(
      configuration.dns.forward.map(\.port) + configuration.dns.roots.map { $0.port ?? 53 } + [53]
    ).sorted()
  }

  private static let internalSocket = "internal dns"

  static func internalSockets(
    _ configuration: PortsideConfiguration, in folder: DataFolder, owner: String?
  ) -> [SocketPlan] {
    guard DNSOverHTTPS.isWanted(configuration) else { return [] }
    return [
      SocketPlan(name: internalSocket, place: .unixStream(path: folder.dnsSocket), mode: 0o600, owner: owner)
    ]
  }

  /// The queries of DNS over HTTPS; the web worker sees to it who may ask for what.
  func listen(internally socket: InheritedSocket) async throws -> RunningListener? {
    guard socket.name == Self.internalSocket, let descriptor = socket.descriptors.first else { return nil }
    let server = server
    let listener = StreamListener<DNSStreamSession, DNSStreamHandler>(
      configuration: StreamListenerConfiguration(service: .doh, isRegistered: false, heedsPenalties: false),
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, handler: server.streamHandler
    ) { server.makeStreamSession($0, isTrusted: true) }
    try await listener.start(descriptor: descriptor, on: surroundings.group)
    return RunningListener { await listener.drain(within: $0) }
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    var configuration = DNSServerConfiguration()
    configuration.responder.udpLimit = settings.configuration.dns.udpSize
    configuration.responder.cookies = ServerCookies.random()
    configuration.responder.requiresCookies = settings.configuration.dns.requireCookies
    configuration.responder.identifier = Array(settings.configuration.dns.identifier?.description.utf8 ?? "".utf8)
    configuration.responder.hostname = settings.configuration.dns.identifier?.description
    let rate = settings.configuration.dns.rateLimit
    if rate > 0 { configuration.limiter = RateLimiter(rate: rate, exempt: settings.configuration.dns.recursion) }
    let zones = ZoneSet()
    let trusted = TrustedRoot(file: DataFolder(settings.configuration).anchorFile, surroundings.context)
    let resolver = Resolver(
      try resolverConfiguration(settings.configuration.dns, trusted), zones: zones, clock: surroundings.context.clock,
      group: surroundings.group)
    let server = DNSServer(
      context: surroundings.context, configuration: configuration, zones: zones, resolver: resolver)
    register(server, resolver, in: surroundings)
    guard let secret = settings.zoneKeySecret else { throw CommandFailure("the worker has no key for the zones' keys") }
    let signing = ZoneSigning(
      clock: surroundings.context.clock, events: surroundings.context.events,
      store: try SealedZoneKeys(folder: DataFolder(settings.configuration).zoneKeys, secret: secret))
    server.setFinisher(signing)
    let replication = ZoneReplication(
      try DNSReplicationSettings.configuration(settings), server: server, resolver: resolver,
      context: surroundings.context, group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
    let service = DNSHosting(
      surroundings: surroundings, server: server, resolver: resolver, signing: signing, trusted: trusted,
      replication: replication)
    surroundings.names.book.attach(server)
    DNSChallenges(server).follow(surroundings.challenges)
    try await service.apply(settings, sockets)
    replication.begin()
    service.upkeep.withLock { $0 = Task { await service.keepSigned() } }
    return service
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    let folder = DataFolder(settings.configuration)
    var sources: [ZoneSource] = []
    for zone in settings.configuration.dns.zones where zone.from.isEmpty && zone.networks.isEmpty {
      guard let apex = try? Name(zone.name.description) else {
        throw CommandFailure("dns.zones: '\(zone.name)' is no domain name")
      }
      sources.append(ZoneSource(apex: apex, zone.catalog ? .text(CatalogZone.text) : .file(folder.zoneFile(zone))))
    }
    section.withLock { $0 = settings.configuration.dns }
    resolver.reload(try Self.resolverConfiguration(settings.configuration.dns, trusted))
    signing.configure(Self.signingSettings(settings.configuration.dns))
    replication.apply(try DNSReplicationSettings.configuration(settings), zones: sources.map(\.apex))
    server.setDigested(
      Set(settings.configuration.dns.zones.filter(\.digest).compactMap { try? Name($0.name.description) }))
    let catalogs = settings.configuration.dns.zones.filter { $0.catalog && $0.from.isEmpty }
      .compactMap { try? Name($0.name.description) }
    let members = sources.map(\.apex).filter { !catalogs.contains($0) }
    server.updateDynamic(
      Dictionary(catalogs.map { ("catalog \($0)", CatalogZone.records(members, in: $0)) }) { $1 })
    await server.reload(sources)
    aliases.follow(settings.configuration.dns.alias)
    await server.reloadViews(Self.views(settings.configuration.dns, folder))
    surroundings.names.publishMail(settings.configuration, in: folder, clock: surroundings.context.clock)
    surroundings.names.publishHostKeys(settings.configuration, in: folder, clock: surroundings.context.clock)
  }

  static let commands =
    signingCommands + [explainCommand] + [
      Command(
        "show secondaries", permission: "console:show", "the zones of other servers",
        columns: ["zone", "serial", "primaries", "confirmed", "failure"]),
      Command(
        "show zones", permission: "console:show", "the zones that are served", columns: ["zone", "serial", "records"]),
      Command(
        "show zone", [.init("ZONE", .object(of: "show zones"))], permission: "console:show", "the records of a zone",
        columns: ["name", "ttl", "type", "data"]),
    ]

  /// Looks whether the root's keys are being replaced, and trusts as it says.
  func followRoot() async {
    let current = section.withLock { $0 }
    guard TrustedRoot.isKept(current), await trusted.refresh(resolver),
      let configuration = try? Self.resolverConfiguration(current, trusted)
    else { return }
    resolver.reload(configuration)
  }

  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    if question.command == "show secondaries" { return showSecondaries(question) }
    if question.command == Self.explainCommand.name { return await explain(question) }
    if let answer = answerSigning(question) { return answer }
    let zones = server.servedZones.sorted { $0.apex.description < $1.apex.description }
    if question.command == "show zones" {
      let rows = zones.map { [Self.shown($0.apex), "\($0.soa.serial)", "\($0.recordCount)"] }
      return question.page(["zone", "serial", "records"], rows)
    }
    guard let text = question.values.first, let apex = try? Name(text),
      let zone = zones.first(where: { $0.apex == apex })
    else { return .failure("there is no zone '\(question.values.first ?? "")'") }
    return listings.page(of: zone, after: question.after)
  }

  /// Without the dot at its end, as zones are configured.
  static func shown(_ apex: Name) -> String {
    let text = apex.description
    return text.count > 1 && text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  func stop() async {
    surroundings.names.book.attach(nil)
    replication.stop()
    aliases.stop()
    upkeep.withLock { $0?.cancel() }
    server.stop()
  }

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

  /// `recursion`, `forward` and `cache` of `[dns]`.
  private static func resolverConfiguration(
    _ section: DNSSection, _ trusted: TrustedRoot
  ) throws -> ResolverConfiguration {
    let forwarders = try section.forward.map { url in
      guard let transport = Forwarder.Transport(rawValue: url.scheme), case .address(let address) = url.host else {
        throw CommandFailure("dns.forward: \(url): a resolver is asked at its address, over udp, tcp, tls or https")
      }
      return Forwarder(transport, Endpoint(address, url.port), path: url.path.isEmpty ? "/dns-query" : url.path)
    }
    var configuration = ResolverConfiguration(
      networks: section.recursion, forwarders: forwarders,
      roots: section.roots.isEmpty ? RootHints.addresses : section.roots.map { Endpoint($0.address, $0.port ?? 53) },
      cacheSize: Int(clamping: section.cache.bytes), udpLimit: section.udpSize, anchors: try anchors(section, trusted))
    configuration.policy = try policy(section)
    configuration.synthesisPrefix = section.synthesisPrefix
    return configuration
  }

  /// `policy_zones` and `block_lists`, read from their files. One that can't be read stops a reload: what was in force stays.
  private static func policy(_ section: DNSSection) throws -> ResolverPolicy {
    var layers: [ResolverPolicy.Layer] = []
    for path in section.policyZones {
      let file = path.description
      let name = String(file.split(separator: "/").last ?? "policy")
      guard let apex = try? Name("policy.invalid.") else { continue }
      let (zone, findings) = ZoneSource(apex: apex, .file(file)).load()
      guard let zone else { throw CommandFailure("dns.policy_zones: \(findings.first.map { "\($0)" } ?? file)") }
      var layer = ResolverPolicy.Layer.policyZone(zone).layer
      layer.name = name
      layers.append(layer)
    }
    for path in section.blockLists {
      let file = path.description
      guard let content = FileManager.default.contents(atPath: file) else {
        throw CommandFailure("dns.block_lists: \(file) can't be read")
      }
      layers.append(
        ResolverPolicy.Layer.list([UInt8](content), name: String(file.split(separator: "/").last ?? "list")).layer)
    }
    return ResolverPolicy(layers)
  }

  /// `validate`, `trust_anchors` and `insecure`.
  static func anchors(_ section: DNSSection, _ trusted: TrustedRoot) throws -> TrustAnchors {
    guard section.validate, section.asksOthers else { return .none }
    var anchors = section.trustAnchors.isEmpty ? trusted.anchors : TrustAnchors()
    for text in section.trustAnchors {
      do {
        let zone = text.zone.isEmpty ? Name.root : try Name(text.zone)
        anchors.keys[zone, default: []].append(try RData(text.record, type: .ds).value(as: DS.self))
      } catch {
        throw CommandFailure("dns.trust_anchors: \(text): \(error)")
      }
    }
    anchors.insecure = Set(section.insecure.compactMap { try? Name($0.description) })
    return anchors
  }

  private static func register(_ server: DNSServer, _ resolver: Resolver, in surroundings: WorkerSurroundings) {
    for (result, figure) in [
      ("cache", \Resolver.Figures.fromCache), ("stale", \.stale), ("proven", \.proven), ("failure", \.failures),
      ("asked", \.asked),
      ("secure", \.secure), ("bogus", \.bogus), ("blocked", \.blocked),
    ] as [(String, KeyPath<Resolver.Figures, UInt64> & Sendable)] {
      surroundings.metrics.reading(
        "portside_dns_resolver", help: "Names of other zones: answers by source, and questions asked.",
        ["kind": result]
      ) { Double(resolver.figures[keyPath: figure]) }
    }
    for (transport, tally) in [
      ("udp", \DNSMetrics.datagrams), ("stream", \DNSMetrics.streams),
    ] as [(String, KeyPath<DNSMetrics, ResponderTally> & Sendable)] {
      surroundings.metrics.reading("portside_dns_queries", help: "DNS queries taken.", ["transport": transport]) {
        Double(server.metrics[keyPath: tally].queries)
      }
      for (code, count) in [
        ("NOERROR", \ResponderTally.noError), ("FORMERR", \.formErr), ("SERVFAIL", \.servFail),
        ("NXDOMAIN", \.nxDomain),
        ("NOTIMP", \.notImp), ("REFUSED", \.refused), ("other", \.otherCodes), ("none", \.silent),
        ("rate limit: dropped", \.dropped), ("rate limit: truncated", \.slipped),
      ] as [(String, KeyPath<ResponderTally, UInt64> & Sendable)] {
        surroundings.metrics.reading(
          "portside_dns_answers", help: "DNS answers from our own zones, by response code.",
          ["transport": transport, "code": code]
        ) { Double(server.metrics[keyPath: tally][keyPath: count]) }
      }
    }
  }
}
