import DNSCore
import WireKit

/// How a resolver works, and for whom.
public struct ResolverConfiguration: Sendable {
  /// Networks that may ask.
  public var networks: [IPNetwork]
  /// Resolvers that are asked instead of the zones' own servers; empty: begin at the roots (RFC 1034 §5.3.3).
  public var forwarders: [Forwarder]
  /// The addresses of the root servers.
  public var roots: [Endpoint]
  /// The port of every server that a delegation leads to; 53 but in tests.
  public var serverPort: UInt16
  /// Octets for answers, roughly.
  public var cacheSize: Int
  /// Octets of a UDP reply to a client.
  public var udpLimit: Int
  /// DER certificates that forwarders inside TLS are judged by; empty: the system's.
  public var trustRoots: [[UInt8]]
  /// What is validated, and what is not (RFC 4035 §5); without anchors nothing is.
  public var anchors: TrustAnchors
  public var limits: Limits

  /// What one client's question may cost. Each default says why.
  public struct Limits: Sendable, Hashable {
    /// Questions to other servers, over everything that one question leads to: NXNSAttack, CAMP, circles of delegations.
    public var questions = 100
    /// Aliases followed; as many as our own zones allow (RFC 1034 §3.6.2 wants chains short).
    public var aliases = 16
    /// Names of servers looked up in order to look up another name.
    public var depth = 5
    /// Servers' names of one delegation that are looked up when no address came with it (NXNSAttack §6).
    public var serverLookUps = 3
    /// For one exchange over UDP.
    public var exchange = Duration.milliseconds(1500)
    /// For the whole: a stub asks again after five seconds.
    public var whole = Duration.seconds(10)
    /// Questions that are being worked on at once.
    public var underWay = 4096
    /// The longest that anything is believed (RFC 8767 §4), in seconds.
    public var longestTTL: UInt32 = 86_400
    /// The longest that a "no" is believed (RFC 2308 §5 advises one to three hours).
    public var longestNegativeTTL: UInt32 = 3_600
    /// How long a server's failure is remembered (RFC 9520 §3.2 wants 1 to 300 seconds).
    public var failureTTL: UInt32 = 5
    /// How long after its end an answer may still be given, when nobody answers (RFC 8767 §5 advises one to three days).
    public var stale: UInt32 = 86_400

    public init() {}
  }

  public init(
    networks: [IPNetwork], forwarders: [Forwarder] = [], roots: [Endpoint] = RootHints.addresses,
    serverPort: UInt16 = 53, cacheSize: Int = 64_000_000, udpLimit: Int = Int(EDNS.safeUDPSize),
    trustRoots: [[UInt8]] = [], anchors: TrustAnchors = .none, limits: Limits = Limits()
  ) {
    self.networks = networks
    self.forwarders = forwarders
    self.roots = roots
    self.serverPort = serverPort
    self.cacheSize = cacheSize
    self.udpLimit = udpLimit
    self.trustRoots = trustRoots
    self.anchors = anchors
    self.limits = limits
  }
}

/// A resolver that questions are handed to.
public struct Forwarder: Sendable, Hashable {
  public enum Transport: String, Sendable, Hashable {
    /// UDP, and TCP for what does not fit.
    case udp
    case tcp
    /// RFC 7858; the certificate must be for the address.
    case tls
  }

  public var transport: Transport
  public var endpoint: Endpoint

  public init(_ transport: Transport, _ endpoint: Endpoint) {
    self.transport = transport
    self.endpoint = endpoint
  }
}
