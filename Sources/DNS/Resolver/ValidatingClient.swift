import DNSCore
import DNSSecurity
import DNSServer
import NIOCore
import NIOPosix
import Services
import WireKit

/// A client that checks by itself what the resolvers that it asks say: for programs that act on DNSSEC, such as mail with
/// DANE (RFC 7672). It needs no trust in those resolvers, nor in the way to them; they must pass DNSSEC records on.
///
/// ```
/// let client = ValidatingClient(servers: [resolver], clock: SystemClock())
/// let answer = try await client.certificates(of: host, port: 25)
/// if answer.security == .secure { … answer.records … }
/// ```
public struct ValidatingClient: Sendable {
  private let resolver: Resolver

  /// - Parameter servers: Resolvers to ask; empty: the zones' own servers from the root down.
  public init(
    servers: [Endpoint], anchors: TrustAnchors = .root, clock: any Clock,
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) {
    let configuration = ResolverConfiguration(
      networks: [], forwarders: servers.map { Forwarder(.udp, $0) }, cacheSize: 4_000_000, anchors: anchors)
    resolver = Resolver(configuration, zones: ZoneSet(), clock: clock, group: group)
  }

  /// Uses a resolver that is there already.
  public init(_ resolver: Resolver) { self.resolver = resolver }

  /// What is found of a name, and whether it can be trusted. Throws when nobody answers. What is bogus must not be used at
  /// all; what is insecure is as good as DNS without DNSSEC.
  public func lookUp(_ question: Question) async throws -> ResolvedAnswer { try await resolver.lookUp(question) }

  /// The TLSA records of a server (RFC 6698 §3), with the security of the whole answer, aliases included.
  public func certificates(
    of host: Name, port: UInt16, over transport: String = "tcp"
  ) async throws -> (records: [TLSA], security: Security) {
    let labels = [Array("_\(port)".utf8), Array("_\(transport)".utf8)]
    let name = try Name(labels: labels + host.labels.map { Array($0) })
    let answer = try await lookUp(Question(name, .tlsa))
    let records = answer.records.filter { $0.type == .tlsa }.compactMap { try? $0.data.value(as: TLSA.self) }
    return (records, answer.security)
  }
}
