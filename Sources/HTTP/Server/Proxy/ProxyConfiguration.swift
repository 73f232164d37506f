import HTTPCore
import WireKit

/// How a site hands its requests to other servers.
public struct ProxyConfiguration: Sendable, Hashable {
  /// One server behind the proxy.
  public struct Upstream: Sendable, Hashable {
    public var isSecure: Bool
    /// A name or an address.
    public var host: String
    public var port: UInt16
    /// The path of a Unix socket, in the place of host and port; `host` is what it is called then.
    public var socket: String?
    /// Put before every request's path: `/app`; empty for none.
    public var path: String

    public init(isSecure: Bool = false, host: String, port: UInt16, path: String = "", socket: String? = nil) {
      self.isSecure = isSecure
      self.host = host
      self.port = port
      self.socket = socket
      self.path = path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// As it stands in `Host`.
    var authority: String {
      let name = host.contains(":") ? "[\(host)]" : host
      return socket != nil || port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
  }

  /// Which of several upstreams gets a request.
  public enum Balance: String, Sendable, Hashable, Codable {
    /// The one with the fewest requests under way.
    case leastConnections = "least-connections"
    /// The less busy of two that chance names: nearly as even, and no herd runs to one that just came back.
    case randomTwo = "random-two"
    /// The same one for the same client, by its address.
    case source
    /// The same one for the same client, by a cookie of ours.
    case cookie
  }

  public var upstreams: [Upstream]
  public var balance: Balance
  /// Whether upstreams see the host that the client asked for, rather than their own name.
  public var preservesHost: Bool
  /// Whose `X-Forwarded-*` and `Forwarded` are believed and continued; everybody else's are dropped.
  public var trusted: [IPNetwork]
  /// Asked for by GET every `healthInterval`: 2xx and 3xx mean well. `nil`: only what fails is noticed.
  public var healthPath: String?
  public var healthInterval: Duration
  /// How long an upstream that could not be reached gets no requests, while another one can.
  public var quarantine: Duration
  public var connectTimeout: Duration
  /// From the end of the request to the response's head, and between two pieces of its content.
  public var responseTimeout: Duration
  /// DER certificates that TLS upstreams are judged by; empty: the system's.
  public var trustRoots: [[UInt8]]

  public init(
    upstreams: [Upstream], balance: Balance = .leastConnections, preservesHost: Bool = true, trusted: [IPNetwork] = [],
    healthPath: String? = nil, healthInterval: Duration = .seconds(10), quarantine: Duration = .seconds(10),
    connectTimeout: Duration = .seconds(5), responseTimeout: Duration = .seconds(60), trustRoots: [[UInt8]] = []
  ) {
    self.upstreams = upstreams
    self.balance = balance
    self.preservesHost = preservesHost
    self.trusted = trusted
    self.healthPath = healthPath
    self.healthInterval = healthInterval
    self.quarantine = quarantine
    self.connectTimeout = connectTimeout
    self.responseTimeout = responseTimeout
    self.trustRoots = trustRoots
  }
}
