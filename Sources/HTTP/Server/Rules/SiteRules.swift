import HTTPCore
import WireKit

/// What a site does with requests before its content sees them, and with replies after. Plain data.
public struct SiteRules: Sendable, Hashable {
  /// Visitors are sent elsewhere.
  public var redirects: [PathRule]
  /// Another path is looked up than was asked for.
  public var rewrites: [PathRule]
  /// Fields of every reply: set to a value, or taken out by an empty one.
  public var fields: [String: String]
  /// Files that stand in the place of our own pages for errors, by status.
  public var errorPages: [UInt16: String]
  /// Who may ask at all; empty for everybody.
  public var networks: [IPNetwork]
  /// Who must log in.
  public var logIn: LogInRule?
  /// How often one source may ask.
  public var rate: RateRule?
  /// Most bytes of a request's content, below what the server allows anyhow; `nil` for that.
  public var contentLimit: Int64?

  public init(
    redirects: [PathRule] = [], rewrites: [PathRule] = [], fields: [String: String] = [:],
    errorPages: [UInt16: String] = [:], networks: [IPNetwork] = [], logIn: LogInRule? = nil, rate: RateRule? = nil,
    contentLimit: Int64? = nil
  ) {
    self.redirects = redirects
    self.rewrites = rewrites
    self.fields = fields
    self.errorPages = errorPages
    self.networks = networks
    self.logIn = logIn
    self.rate = rate
    self.contentLimit = contentLimit
  }

  /// Whether there is none.
  var isEmpty: Bool { self == SiteRules() }
}

/// Log-in by an account of the server (RFC 7617).
public struct LogInRule: Sendable, Hashable {
  /// What browsers show.
  public var realm: String
  /// What the account's roles must permit; `nil`: any account will do.
  public var permission: String?
  /// Paths that want a log-in; empty for all.
  public var paths: [PathPattern]

  public init(realm: String = "Portside", permission: String? = nil, paths: [PathPattern] = []) {
    self.realm = realm
    self.permission = permission
    self.paths = paths
  }

  /// Whether a request wants a log-in. Paths are compared decoded: another spelling opens nothing.
  func covers(_ request: HTTPRequest) -> Bool {
    guard !paths.isEmpty else { return true }
    // What can't be decoded is refused by whoever looks it up.
    guard let path = request.withPath({ RequestPath($0) }) else { return true }
    let decoded = [0x2F] + path.octets
    // A folder is asked for with and without its slash.
    return paths.contains {
      $0.match(decoded.span.bytes) != nil || $0.match((decoded + [0x2F]).span.bytes) != nil
    }
  }
}

/// So many requests in so much time, from one source address (an IPv6 source is its /64).
public struct RateRule: Sendable, Hashable {
  public var requests: Int
  public var per: Duration
  /// How many may come at once before that.
  public var burst: Int

  public init(requests: Int, per: Duration = .seconds(1), burst: Int? = nil) {
    self.requests = max(1, requests)
    self.per = per
    self.burst = max(1, burst ?? requests)
  }
}
