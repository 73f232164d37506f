import WireKit

/// `[http]`: web sites.
public struct HTTPSection: PlaintextSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(80)
  public var tlsPort = ListenPort.number(443)
  public var redirectToHTTPS = true
  public var defaultSite: SiteName?
  public var sites: [SiteName: HTTPSite] = [:]
  public var limits = HTTPLimits()
  /// What a line of the access log looks like.
  public enum LogFormat: String, ConfigurationChoice {
    case combined
    case json
  }

  public var accessLog: AbsolutePath?
  public var accessLogFormat = LogFormat.combined
  public var logRequests = false
  public var trustedProxies: [IPNetwork] = []
  public var plaintext = false
  public var plaintextNetworks: [IPNetwork] = []

  public init() {}

  public static let ports = [
    ServicePort<HTTPSection>(service: .http, key: "port", place: \.port, transports: [.tcp], tls: .none),
    ServicePort<HTTPSection>(service: .https, key: "tls_port", place: \.tlsPort, transports: [.tcp], tls: .implicit),
  ]

  public static let schema = Schema(HTTPSection(), "Web sites.") { keys in
    keys.service("the web server")
    keys.port("port", "The port without TLS.")
    keys.port("tls_port", "The port with TLS.")
    keys.key(
      "redirect_to_https", \.redirectToHTTPS, .flag, "Whether sites send plain HTTP on to HTTPS.",
      details: "A site may decide otherwise for itself.", example: "true")
    keys.key(
      "default_site", \.defaultSite, Codec<SiteName>.text().optional(),
      "The site for host names that no site has; absent: they get 421.", example: "\"www.acme.example\"")
    keys.key(
      "sites", \.sites,
      .map(SiteName.self, .either(SiteTarget.self, expanded: { HTTPSite($0) }, shortened: \.shortForm)),
      "The sites, by host name.",
      details: "A string says where a site's content is: a folder, the URL of another server, or `\"@admin\"`. "
        + "A table says more.",
      example: "{ \"www.acme.example\" = \"/srv/www\", \"intranet.acme.example\" = \"http://127.0.0.1:8000\", "
        + "\"wiki.acme.example\" = { root = \"/srv/wiki\", index = [\"start.html\"] } }")
    keys.key(
      "trusted_proxies", \.trustedProxies, .list(.text()),
      "Networks of proxies in front of this server whose `X-Forwarded-*` fields are passed on.",
      details: "Everybody else's are replaced.", example: "[\"192.168.10.1/32\"]")
    keys.key(
      "access_log", \.accessLog, Codec<AbsolutePath>.text().optional(), "A file with a line for each request.",
      details: "Rename it to rotate it: a new one is begun within a second.",
      example: "\"/var/log/portside/access.log\"")
    keys.key(
      "access_log_format", \.accessLogFormat, .choice, "How its lines look.",
      details: "`\"combined\"`: Apache's combined format. `\"json\"`: an object a line.", example: "\"combined\"")
    keys.key(
      "log_requests", \.logRequests, .flag, "Whether each request is an event of the server's log.", example: "false")
    keys.key("limits", \.limits, .record(), "What one request and connection may take.", example: "{}")
    keys.plaintext()
  }

  public func problems() -> [Problem] {
    var problems = plaintextProblems()
    if let defaultSite, sites[defaultSite] == nil {
      problems.append(
        Problem(
          ConfigurationPath("default_site"), "\"\(defaultSite)\" is not among http.sites",
          hint: NearestName.hint(defaultSite.description, among: sites.keys.map(\.description).sorted()),
          basis: [ConfigurationPath("sites")]))
    }
    let wantsRedirect = sites.contains { $0.value.redirectToHTTPS == true }
    if tlsPort == .off, wantsRedirect {
      problems.append(
        Problem(
          ConfigurationPath("tls_port"), "a site redirects to HTTPS, and there is no port for it",
          basis: [ConfigurationPath("sites")]))
    }
    return problems
  }

  /// Whether plain HTTP requests to a site are sent on to HTTPS.
  public func redirectsToHTTPS(_ site: HTTPSite) -> Bool {
    tlsPort != .off && (site.redirectToHTTPS ?? redirectToHTTPS)
  }
}
