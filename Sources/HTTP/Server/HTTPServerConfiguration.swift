import HTTPCore

/// What a server serves. Plain data; `HTTPServer.reload` compares it with what runs.
public struct HTTPServerConfiguration: Sendable {
  public var sites: [SiteConfiguration]
  /// A name of the site that answers for unknown hosts and for HTTP/1.0 without a host; `nil` for none.
  public var defaultSite: String?
  /// Handlers for paths on every host, before everything else, also in plain text: ACME's challenges, health.
  public var mounts: [Mount]
  /// The port that redirects to HTTPS name.
  public var httpsPort: UInt16
  public var limits: HTTPLimits
  /// Whether every request is reported as an event. Counters are kept in any case.
  public var logsRequests: Bool
  /// A file with a line for each request.
  public var accessLog: AccessLog.Configuration?
  /// Whether nobody but a proxy of this very program connects: then what it says of the client counts as our own.
  public var isBehindOwnProxy: Bool

  public init(
    sites: [SiteConfiguration] = [], defaultSite: String? = nil, mounts: [Mount] = [], httpsPort: UInt16 = 443,
    limits: HTTPLimits = HTTPLimits(), logsRequests: Bool = false, accessLog: AccessLog.Configuration? = nil,
    isBehindOwnProxy: Bool = false
  ) {
    self.sites = sites
    self.defaultSite = defaultSite
    self.mounts = mounts
    self.httpsPort = httpsPort
    self.limits = limits
    self.logsRequests = logsRequests
    self.accessLog = accessLog
    self.isBehindOwnProxy = isBehindOwnProxy
  }
}

/// One site.
public struct SiteConfiguration: Sendable {
  public enum Content: Sendable {
    case directory(StaticSite.Configuration)
    case handler(any SiteHandler)
    /// Every request is handed to another server.
    case proxy(ProxyConfiguration)
    /// Every request is sent on to the same path at this origin: `https://www.lab.test`.
    case redirect(origin: String)
  }

  /// Content at a path.
  public struct Part: Sendable {
    /// Begins with a slash and does not end with one.
    public var path: String
    public var content: Content

    public init(_ path: String, _ content: Content) {
      self.path = path.hasSuffix("/") ? String(path.dropLast()) : path
      self.content = content
    }
  }

  /// Host names; `*.lab.test` stands for any one label.
  public var names: [String]
  public var content: Content
  /// Handlers for paths within the site.
  public var mounts: [Mount]
  /// Other content for a path and everything below it; the path is taken off before that content sees it. Longer paths first.
  public var parts: [Part]
  /// What happens to requests and replies, whatever the content is.
  public var rules: SiteRules
  /// Whether plain-text requests are sent on to HTTPS.
  public var redirectsToHTTPS: Bool
  /// Seconds for `Strict-Transport-Security` (RFC 6797); `nil` for none.
  public var strictTransportSeconds: Int?

  public init(
    names: [String], content: Content, mounts: [Mount] = [], parts: [Part] = [], rules: SiteRules = SiteRules(),
    redirectsToHTTPS: Bool = false, strictTransportSeconds: Int? = nil
  ) {
    self.names = names
    self.content = content
    self.mounts = mounts
    self.parts = parts
    self.rules = rules
    self.redirectsToHTTPS = redirectsToHTTPS
    self.strictTransportSeconds = strictTransportSeconds
  }
}
