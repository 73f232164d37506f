import Configuration
import ConsoleCore
import Foundation
import HTTPCore
import HTTPServer
import Operation
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
  private let mapping: SiteMapping

  private init(
    surroundings: WorkerSurroundings, server: HTTPServer, names: DNSOverHTTPS, mapping: SiteMapping, sites: [[String]]
  ) {
    self.names = names
    self.mapping = mapping
    self.sites = Mutex(sites)
    self.surroundings = surroundings
    self.server = server
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    part.http = whole.http
    part.ssh.sftp = whole.ssh.sftp
    part.dns.recursion = whole.dns.recursion
    part.dns.overHTTPS = DNSOverHTTPS.isWanted(whole)
    MailSetupSite.share(whole, with: &part)
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    let section = configuration.http
    let targets = section.sites.values.flatMap(\.targets)
    // In the place of files that may be replaced: their folders.
    let pages = section.sites.values.flatMap { $0.errorPages.values.map { parent(of: $0.description) } }
    let folders = targets.compactMap { if case .folder(let path) = $0 { path.description } else { nil } }
    confinement.readPaths += Set(folders + pages).sorted()
    let upstreams = targets.compactMap { if case .upstream(let url) = $0 { url } else { nil } }
    MailSetupSite.confine(&confinement, for: configuration, in: folder)
    confinement.writePaths.append(folder.boots)
    // Only to where sites are proxied.
    confinement.connectPorts? += Set(upstreams.filter { $0.socketPath == nil }.map(\.port)).sorted()
    confinement.readPaths += Set(upstreams.compactMap { $0.socketPath.map(parent) }).sorted()
    if targets.contains(.admin) || targets.contains(.acme) { confinement.readPaths.append(folder.run) }
    if targets.contains(.files) {
      confinement.writePaths += SSHHosting.files(configuration).folders + [folder.webProperties]
    }
    if let log = section.accessLog { confinement.writePaths.append(parent(of: log.description)) }
  }

  private static func parent(of path: String) -> String {
    let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
    return folder.isEmpty ? "/" : String(folder)
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let names = DNSOverHTTPS(
      path: DataFolder(settings.configuration).dnsSocket, settings.configuration.dns, group: surroundings.group)
    var context = surroundings.context
    let fetches = BootFetches()
    context.events = EventFan([context.events, fetches])
    surroundings.names.everySecond { fetches.save(to: DataFolder(settings.configuration).fetchFile) }
    surroundings.names.begin(in: nil, clock: context.clock)
    let mapping = SiteMapping(
      surroundings, names: names, properties: DataFolder(settings.configuration).webProperties)
    let server = try HTTPServer(
      context: context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, configuration: mapping.configuration(settings, sockets), desk: mapping.desk)
    surroundings.metrics.reading("portside_http_requests", help: "HTTP requests answered.") {
      Double(server.counters.requests)
    }
    return HTTPHosting(
      surroundings: surroundings, server: server, names: names, mapping: mapping, sites: rows(settings))
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    names.apply(settings.configuration.dns)
    try server.reload(mapping.configuration(settings, sockets))
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
        site.redirect.map { "redirect to \($0)" } ?? site.mainTargets.map(\.description).joined(separator: " ")
      let parts = site.paths.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
      return [
        name.description, content + parts, section.redirectsToHTTPS(site) ? "yes" : "no",
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
}
