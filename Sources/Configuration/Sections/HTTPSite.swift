import WireKit

/// One site of `[http] sites`.
public struct HTTPSite: ConfigurationRecord {
  /// Which of several upstreams gets a request.
  public enum Balance: String, ConfigurationChoice {
    case leastConnections = "least-connections"
    case randomTwo = "random-two"
    case source
    case cookie
  }

  public var root: AbsolutePath?
  public var upstream: UpstreamURL<WebKind>?
  public var upstreams: [UpstreamURL<WebKind>] = []
  public var balance = Balance.leastConnections
  public var preserveHost = true
  public var health: URLPath?
  public var upstreamTimeout = Duration.seconds(60)
  public var redirect: UpstreamURL<WebKind>?
  public var admin = false
  public var files = false
  public var acme = false
  public var paths: [SitePart: SiteTarget] = [:]
  public var index = [FileName("index.html")]
  public var browse = false
  public var compress = true
  public var redirectToHTTPS: Bool?
  public var tryFiles: [FileTemplate] = []
  public var redirects: [SitePathPattern: SitePathTarget] = [:]
  public var rewrite: [SitePathPattern: SitePathTarget] = [:]
  public var headers: [HeaderFieldName: HeaderFieldValue] = [:]
  public var errorPages: [ErrorStatus: AbsolutePath] = [:]
  public var allow: [IPNetwork] = []
  public var logIn: HTTPLogIn?
  public var rateLimit: RequestRate?
  public var rateBurst: Int?
  public var bodySize: ByteSize?
  public var strictTransport: Duration?

  public init() {}

  public init(_ target: SiteTarget) {
    switch target {
    case .folder(let path): root = path
    case .upstream(let url): upstream = url
    case .admin: admin = true
    case .files: files = true
    case .acme: acme = true
    }
  }

  /// The servers that answer for it, however they are written.
  public var allUpstreams: [UpstreamURL<WebKind>] { (upstream.map { [$0] } ?? []) + upstreams }

  /// Where the site's own content is.
  public var mainTargets: [SiteTarget] {
    (root.map { [.folder($0)] } ?? []) + allUpstreams.map { .upstream($0) } + (admin ? [.admin] : [])
      + (files ? [.files] : []) + (acme ? [.acme] : [])
  }

  /// Everything that is served, at whatever path.
  public var targets: [SiteTarget] { mainTargets + paths.sorted { $0.key < $1.key }.map(\.value) }

  /// The string that says the same, when there is one.
  var shortForm: SiteTarget? {
    let own: SiteTarget? = admin ? .admin : files ? .files : acme ? .acme : nil
    let target: SiteTarget? = root.map { .folder($0) } ?? upstream.map { .upstream($0) } ?? own
    return target.flatMap { HTTPSite($0) == self ? $0 : nil }
  }

  public static let schema = Schema(
    HTTPSite(), "One site: exactly one of root, upstream, upstreams, redirect, admin, files and acme."
  ) {
    keys in
    keys.key("root", \.root, Codec<AbsolutePath>.text().optional(), "A folder of files.", example: "\"/srv/www\"")
    keys.key(
      "upstream", \.upstream, Codec<UpstreamURL<WebKind>>.text().optional(), "Another server that answers.",
      example: "\"http://127.0.0.1:8000\"")
    keys.key(
      "upstreams", \.upstreams, .list(.text(), count: 0...64), "Several servers that share the requests.",
      details: "In the place of `upstream`.", example: "[\"http://10.0.0.1:8000\", \"http://10.0.0.2:8000\"]",
      isAlternative: true)
    keys.key(
      "balance", \.balance, .choice, "Which of several upstreams gets a request.",
      details: "`\"least-connections\"`: the least busy. `\"random-two\"`: the less busy of two that chance names. "
        + "`\"source\"`: the same one for the same client address. `\"cookie\"`: the same one for the same client, by a "
        + "cookie.", example: "\"least-connections\"")
    keys.key(
      "preserve_host", \.preserveHost, .flag, "Whether upstreams see the host name that the client asked for.",
      details: "Otherwise they see their own, and redirects to it are rewritten.", example: "true")
    keys.key(
      "health", \.health, Codec<URLPath>.text().optional(),
      "A path that every upstream is asked for each ten seconds; one that does not answer by 2xx or 3xx gets no requests.",
      example: "\"/healthz\"")
    keys.key(
      "upstream_timeout", \.upstreamTimeout, .duration(.seconds(1) ... .seconds(86400)),
      "How long an upstream may be silent within an exchange.", example: "\"1m\"")
    keys.key(
      "redirect", \.redirect, Codec<UpstreamURL<WebKind>>.text().optional(),
      "Where visitors are sent, with the path they asked for.",
      example: "\"https://www.acme.example\"")
    keys.key("admin", \.admin, .flag, "The administration pages.", example: "true")
    keys.key(
      "files", \.files, .flag, "The files of the account that logs in, with WebDAV.",
      details: "The same files as by SFTP and FTP: `[ssh] sftp` says where they are, the account's roles what it may.",
      example: "true")
    keys.key(
      "acme", \.acme, .flag, "The private authority, for ACME clients; see `tls.acme_server`.", example: "true")
    keys.key(
      "paths", \.paths, .map(SitePart.self, .text()), "Other content for a path and everything below it.",
      details: "The path is taken off before that content sees it; the URL of another server may have a path to put in "
        + "its place.",
      example: "{ \"/api\" = \"http://127.0.0.1:8001/api\", \"/files\" = \"@files\" }")
    keys.key(
      "index", \.index, .list(.text(), count: 0...16), "Files that stand for their folder, the first that exists.",
      example: "[\"index.html\"]")
    keys.key("browse", \.browse, .flag, "Whether a folder without an index file is listed.", example: "true")
    keys.key(
      "compress", \.compress, .flag, "Whether files go out compressed to clients that take it.",
      details: "From `NAME.br`, `NAME.zst` or `NAME.gz` beside a file when there is one, by gzip otherwise.",
      example: "true")
    keys.key(
      "redirect_to_https", \.redirectToHTTPS, Codec<Bool>.flag.optional(),
      "Whether plain HTTP is sent on to HTTPS; absent: as `http.redirect_to_https` says.",
      example: "true")
    HTTPSite.declareRules(&keys)
  }

  public func problems() -> [Problem] {
    let given = [
      ("root", root != nil), ("upstream", upstream != nil), ("upstreams", !upstreams.isEmpty),
      ("redirect", redirect != nil), ("admin", admin), ("files", files), ("acme", acme),
    ].filter(\.1).map(\.0)
    let basis = ["root", "upstream", "upstreams", "redirect", "admin", "files", "acme"].map { ConfigurationPath($0) }
    if given.isEmpty {
      return [
        Problem(.root, "a site needs one of root, upstream, redirect, admin, files and acme", basis: basis)
      ]
    }
    if given.count > 1 {
      return [Problem(ConfigurationPath(given[1]), "a site can't have both \(given[0]) and \(given[1])", basis: basis)]
    }
    var problems: [Problem] = []
    for (key, isSet) in [("browse", browse), ("try_files", !tryFiles.isEmpty)] where root == nil && isSet {
      problems.append(
        Problem(ConfigurationPath(key), "has no effect without root", severity: .warning, basis: basis))
    }
    for (pattern, target) in rewrite.sorted(by: { $0.key < $1.key }) where !target.isPath {
      problems.append(
        Problem(
          ConfigurationPath("rewrite").appending(pattern.description), "a rewrite leads to a path of the same site",
          hint: "redirects lead elsewhere", basis: [ConfigurationPath("rewrite")]))
    }
    if rateLimit == nil, rateBurst != nil {
      problems.append(
        Problem(
          ConfigurationPath("rate_burst"), "has no effect without rate_limit", severity: .warning,
          basis: [ConfigurationPath("rate_limit")]))
    }
    return problems
  }
}
