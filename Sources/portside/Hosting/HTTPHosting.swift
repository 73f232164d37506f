import Configuration
import ConsoleCore
import Foundation
import HTTPCore
import HTTPServer
import Services
import Supervision
import Synchronization
import Transport

/// HTTP and HTTPS.
final class HTTPHosting: HostedService {
  static let worker = WorkerName.web
  static let services: Set<ServiceName> = [.http, .https]

  private let surroundings: WorkerSurroundings
  private let server: HTTPServer
  private let sites: Mutex<[[String]]>

  private let names: DNSOverHTTPS

  private init(surroundings: WorkerSurroundings, server: HTTPServer, names: DNSOverHTTPS, sites: [[String]]) {
    self.names = names
    self.sites = Mutex(sites)
    self.surroundings = surroundings
    self.server = server
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    part.http = whole.http
    part.dns.recursion = whole.dns.recursion
    part.dns.overHTTPS = DNSOverHTTPS.isWanted(whole)
    MailSetupSite.share(whole, with: &part)
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    let sites = configuration.http.sites.values
    confinement.readPaths += Set(sites.compactMap { $0.root?.description }).sorted()
    MailSetupSite.confine(&confinement, for: configuration, in: folder)
    // Only to where sites are proxied.
    confinement.connectPorts? += Set(sites.flatMap(\.allUpstreams).map(\.port)).sorted()
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let names = DNSOverHTTPS(
      path: DataFolder(settings.configuration).dnsSocket, settings.configuration.dns, group: surroundings.group)
    let server = try HTTPServer(
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, configuration: configuration(settings, sockets, names))
    surroundings.metrics.reading("portside_http_requests", help: "HTTP requests answered.") {
      Double(server.counters.requests)
    }
    return HTTPHosting(surroundings: surroundings, server: server, names: names, sites: rows(settings))
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    names.apply(settings.configuration.dns)
    try server.reload(Self.configuration(settings, sockets, names))
    self.sites.withLock { $0 = Self.rows(settings) }
  }

  static let commands = [
    Command(
      "show sites", permission: "console:show", "the web sites that are served",
      columns: ["site", "content", "to https", "default"])
  ]

  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    question.page(["site", "content", "to https", "default"], sites.withLock { $0 })
  }

  private static func rows(_ settings: WorkerSettings) -> [[String]] {
    let section = settings.configuration.http
    return section.sites.map { name, site in
      let content =
        site.root.map { "\($0)" } ?? site.redirect.map { "redirect to \($0)" }
        ?? (site.admin ? "not served by this version" : site.allUpstreams.map(\.description).joined(separator: " "))
      return [
        name.description, content, section.redirectsToHTTPS(site) ? "yes" : "no",
        section.defaultSite?.description == name.description ? "yes" : "no",
      ]
    }.sorted { $0[0] < $1[0] }
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
    let listening = try await server.listen(
      .init(isSecure: declaration.tls == .implicit, proxies: settings.configuration.proxyProtocol.from),
      descriptor: descriptor, on: surroundings.group)
    return RunningListener { await listening.drain(within: $0) }
  }

  /// The sites of the configuration. The port of redirects is the real one, also where the configuration said "any".
  private static func configuration(_ settings: WorkerSettings, _ sockets: [InheritedSocket], _ names: DNSOverHTTPS)
    -> HTTPServerConfiguration
  {
    let section = settings.configuration.http
    let httpsPort = sockets.first { settings.listeners[$0.name]?.service == .https }?.place.endpoint?.port
    var limits = HTTPCore.HTTPLimits()
    limits.head = Int(clamping: section.limits.headerSize.bytes)
    limits.content = Int64(clamping: section.limits.bodySize.bytes)
    limits.headTime = section.limits.headerTimeout
    limits.idleTime = section.limits.idleTimeout
    limits.streams = section.limits.streams
    return HTTPServerConfiguration(
      sites: MailSetupSite.adding(
        to: section.sites.compactMap { site($0.key, $0.value, section) }.sorted { $0.names[0] < $1.names[0] },
        settings.configuration),
      defaultSite: section.defaultSite?.description,
      mounts: settings.configuration.dns.overHTTPS ? [Mount(DNSOverHTTPS.path, names)] : [],
      httpsPort: httpsPort ?? 443, limits: limits)
  }

  private static func proxy(_ site: HTTPSite, _ section: HTTPSection) -> ProxyConfiguration {
    let upstreams = site.allUpstreams.map { url in
      let host =
        switch url.host {
        case .address(let address): address.description
        case .name(let name): name.description
        }
      return ProxyConfiguration.Upstream(
        isSecure: url.scheme == "https", host: host, port: url.port, path: url.path)
    }
    return ProxyConfiguration(
      upstreams: upstreams, balance: .init(rawValue: site.balance.rawValue) ?? .leastConnections,
      preservesHost: site.preserveHost, trusted: section.trustedProxies, healthPath: site.health?.description,
      responseTimeout: site.upstreamTimeout)
  }

  private static func site(_ name: SiteName, _ site: HTTPSite, _ section: HTTPSection) -> SiteConfiguration? {
    let content: SiteConfiguration.Content
    if let root = site.root {
      content = .directory(
        .init(
          root: root.description, index: site.index.map(\.description), lists: site.browse, compresses: site.compress))
    } else if !site.allUpstreams.isEmpty {
      content = .proxy(proxy(site, section))
    } else if let target = site.redirect {
      content = .redirect(origin: target.description)
    } else {
      return nil
    }
    return SiteConfiguration(
      names: [name.description], content: content, redirectsToHTTPS: section.redirectsToHTTPS(site))
  }
}
