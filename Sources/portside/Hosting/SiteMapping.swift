import Configuration
import Files
import HTTPCore
import HTTPServer
import Services
import Supervision
import Transport
import WireKit

/// Turns `[http]` into what the HTTP server runs.
///
/// It lives as long as the server does, across reloads, and so do those who judge log-ins and keep the locks of files.
final class SiteMapping: Sendable {
  let desk: LogInDesk
  private let context: ServerContext
  private let names: DNSOverHTTPS
  private let plainText = PlainTextRule()

  private let challenges: ChallengeBoard
  private let account: AccountFolders
  private let files: FilesSite

  init(_ surroundings: WorkerSurroundings, names: DNSOverHTTPS, properties: String) {
    context = surroundings.context
    challenges = surroundings.challenges
    self.names = names
    let rule = plainText
    let desk = LogInDesk(context: context) { rule.accepts($0) }
    let folders = AccountFolders()
    (self.desk, account) = (desk, folders)
    files = FilesSite(
      .init(sharedNames: [AccountFiles.sharedName], properties: PropertyFiles(folder: properties)) {
        try await folders.store(of: $0)
      }, desk: desk, context: context)
  }

  /// The sites of the configuration. The port of redirects is the real one, also where the configuration said "any".
  func configuration(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) -> HTTPServerConfiguration {
    let section = settings.configuration.http
    plainText.replace(section)
    account.replace(SSHHosting.files(settings.configuration))
    let httpsPort = sockets.first { settings.listeners[$0.name]?.service == .https }?.place.endpoint?.port
    var limits = HTTPCore.HTTPLimits()
    limits.head = Int(clamping: section.limits.headerSize.bytes)
    limits.content = Int64(clamping: section.limits.bodySize.bytes)
    limits.headTime = section.limits.headerTimeout
    limits.idleTime = section.limits.idleTimeout
    limits.contentTime = section.limits.bodyTimeout
    limits.outputTime = section.limits.sendTimeout
    limits.streams = section.limits.streams
    let log = section.accessLog.map { path in
      AccessLog.Configuration(path: path.description, format: section.accessLogFormat == .json ? .json : .combined)
    }
    return HTTPServerConfiguration(
      sites: MailSetupSite.adding(
        to: section.sites.compactMap { site($0.key, $0.value, settings.configuration) }.sorted {
          $0.names[0] < $1.names[0]
        }, settings.configuration),
      defaultSite: section.defaultSite?.description, mounts: mounts(settings.configuration),
      httpsPort: httpsPort ?? 443, limits: limits, logsRequests: section.logRequests, accessLog: log)
  }

  private func mounts(_ configuration: PortsideConfiguration) -> [Mount] {
    [challenges.mount] + (configuration.dns.overHTTPS ? [Mount(DNSOverHTTPS.path, names)] : [])
  }

  private func site(_ name: SiteName, _ site: HTTPSite, _ whole: PortsideConfiguration) -> SiteConfiguration? {
    let content: SiteConfiguration.Content?
    if site.allUpstreams.count > 1 {
      content = .proxy(proxy(site.allUpstreams, site, whole.http))
    } else if let target = site.redirect {
      content = .redirect(origin: target.description)
    } else {
      content = site.mainTargets.first.flatMap { self.content($0, site, whole) }
    }
    guard let content else { return nil }
    let parts = site.paths.sorted { $0.key < $1.key }.compactMap { path, target in
      self.content(target, site, whole).map { SiteConfiguration.Part(path.description, $0) }
    }
    return SiteConfiguration(
      names: [name.description], content: content, parts: parts, rules: Self.rules(site),
      redirectsToHTTPS: whole.http.redirectsToHTTPS(site),
      strictTransportSeconds: site.strictTransport.map { Int($0.components.seconds) })
  }

  private func content(
    _ target: SiteTarget, _ site: HTTPSite, _ whole: PortsideConfiguration
  ) -> SiteConfiguration.Content? {
    switch target {
    case .folder(let path):
      return .directory(
        .init(
          root: path.description, index: site.index.map(\.description), lists: site.browse, compresses: site.compress,
          tryFiles: site.tryFiles.map(\.description)))
    case .upstream(let url): return .proxy(proxy([url], site, whole.http))
    case .admin: return .proxy(Self.gate("admin", whole))
    case .acme: return .proxy(Self.gate("acme", whole))
    case .files: return .handler(files)
    }
  }

  /// What the gate itself answers, by its own socket.
  private static func gate(_ name: String, _ whole: PortsideConfiguration) -> ProxyConfiguration {
    ProxyConfiguration(
      upstreams: [.init(host: name, port: 80, socket: DataFolder(whole).webSocket)], preservesHost: false,
      trusted: whole.http.trustedProxies)
  }

  private func proxy(
    _ urls: [UpstreamURL<WebKind>], _ site: HTTPSite, _ section: HTTPSection
  ) -> ProxyConfiguration {
    let upstreams = urls.map { url in
      let host =
        switch url.host {
        case .address(let address): address.description
        case .name(let name): name.description
        case .socket: "localhost"
        }
      return ProxyConfiguration.Upstream(
        isSecure: url.scheme == "https", host: host, port: url.port, path: url.path, socket: url.socketPath)
    }
    return ProxyConfiguration(
      upstreams: upstreams, balance: .init(rawValue: site.balance.rawValue) ?? .leastConnections,
      preservesHost: site.preserveHost, trusted: section.trustedProxies, healthPath: site.health?.description,
      responseTimeout: site.upstreamTimeout)
  }

  private static func rules(_ site: HTTPSite) -> SiteRules {
    func rules(_ table: [SitePathPattern: SitePathTarget]) -> [PathRule] {
      table.sorted { $0.key < $1.key }.map { PathRule(from: $0.key.description, to: $0.value.description) }
    }
    return SiteRules(
      redirects: rules(site.redirects), rewrites: rules(site.rewrite),
      fields: Dictionary(uniqueKeysWithValues: site.headers.map { ($0.key.description, $0.value.description) }),
      errorPages: Dictionary(uniqueKeysWithValues: site.errorPages.map { ($0.key.number, $0.value.description) }),
      networks: site.allow,
      logIn: site.logIn.map { logIn in
        LogInRule(
          realm: logIn.realm.description, permission: logIn.permission?.description,
          paths: logIn.paths.map { PathPattern($0.description) })
      },
      rate: site.rateLimit.map { RateRule(requests: $0.requests, per: $0.per, burst: site.rateBurst) },
      contentLimit: site.bodySize.map { Int64(clamping: $0.bytes) })
  }
}
