import Configuration
import Foundation
import HTTPCore
import HTTPServer
import Services
import Supervision
import Transport

/// The worker `web`: HTTP and HTTPS.
final class WebWorker: Worker {
  private let surroundings: WorkerSurroundings
  private let server: HTTPServer
  private let listeners = ListenerSet()

  private init(surroundings: WorkerSurroundings, server: HTTPServer) {
    self.surroundings = surroundings
    self.server = server
  }

  static func start(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws -> WebWorker {
    let surroundings = WorkerSurroundings(name: "web", settings)
    let server = try HTTPServer(
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, configuration: configuration(settings, sockets))
    let worker = WebWorker(surroundings: surroundings, server: server)
    surroundings.metrics.reading("portside_http_requests", help: "HTTP requests answered.") {
      Double(server.counters.requests)
    }
    try await worker.apply(settings, sockets)
    if settings.listeners.values.contains(where: { $0.service == .https }) {
      await surroundings.awaitCertificates(for: [.https])
    }
    return worker
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    try server.reload(Self.configuration(settings, sockets))
    surroundings.apply(settings)
    try await listeners.update(sockets) { [server, surroundings] socket in
      guard let declaration = settings.listeners[socket.name], let descriptor = socket.descriptors.first else {
        return nil
      }
      let listening = try await server.listen(
        .init(isSecure: declaration.tls == .implicit, proxies: settings.configuration.proxyProtocol.from),
        descriptor: descriptor, on: surroundings.group)
      return RunningListener { await listening.drain(within: $0) }
    }
  }

  func drain(within limit: Duration) async {
    await listeners.drain(within: limit)
    await surroundings.stop()
  }

  /// The sites of the configuration. The port of redirects is the real one, also where the configuration said "any".
  private static func configuration(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) -> HTTPServerConfiguration
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
      sites: section.sites.compactMap { site($0.key, $0.value, section) }.sorted { $0.names[0] < $1.names[0] },
      defaultSite: section.defaultSite?.description, httpsPort: httpsPort ?? 443, limits: limits)
  }

  private static func site(_ name: SiteName, _ site: HTTPSite, _ section: HTTPSection) -> SiteConfiguration? {
    let content: SiteConfiguration.Content
    if let root = site.root {
      content = .directory(.init(root: root.description, index: site.index.map(\.description)))
    } else if let target = site.redirect {
      content = .redirect(origin: target.description)
    } else {
      return nil
    }
    return SiteConfiguration(
      names: [name.description], content: content, redirectsToHTTPS: section.redirectsToHTTPS(site))
  }
}
