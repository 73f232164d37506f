import NIOSSL
import Services
import Synchronization
import WireKit

/// The TLS contexts of a process, built ahead of the handshakes that need them and replaced when certificates change.
///
/// A context lives on as long as its identity does, so that sessions can be resumed over an update that concerns others.
public final class TLSContextStore: Sendable {
  private struct Key: Hashable {
    var identity: TLSIdentity
    var applicationProtocols: [String]
  }

  private struct State {
    var index = IdentityIndex([])
    var contexts: [Key: NIOSSLContext] = [:]
    /// What answers the validation of tls-alpn-01, by host name.
    var challenges: [String: TLSIdentity] = [:]
  }

  /// The protocol by which a certificate authority validates a name in the handshake itself (RFC 8737 §4).
  public static let challengeProtocol = "acme-tls/1"

  private let state = Mutex(State())

  public init() {}

  /// Takes over a new set of identities. Contexts of those that are still there are kept.
  public func update(_ identities: [TLSIdentity]) {
    let index = IdentityIndex(identities)
    let present = Set(identities)
    state.withLock { state in
      state = State(
        index: index, contexts: state.contexts.filter { present.contains($0.key.identity) },
        challenges: state.challenges)
    }
  }

  /// Takes over the certificates that answer an authority's validations (RFC 8737), each for one host name.
  public func updateChallenges(_ identities: [TLSIdentity]) {
    let byName = Dictionary(identities.compactMap { each in each.names.first.map { ($0, each) } }) { first, _ in first }
    state.withLock { $0.challenges = byName }
  }

  /// Whether there is any certificate for this service.
  public func serves(_ service: ServiceName) -> Bool {
    state.withLock { $0.index.identity(for: nil, service: service) != nil }
  }

  /// The identity that answers a client which asks for this host name: for protocols that bind to its key.
  public func identity(for serverName: String?, service: ServiceName, localAddress: IPAddress) -> TLSIdentity? {
    state.withLock { $0.index.identity(for: serverName, service: service, localAddress: localAddress)?.identity }
  }

  /// The context that answers a client's hello.
  func context(
    for hello: ClientHello, service: ServiceName, applicationProtocols: [String], local: IPAddress
  ) throws -> NIOSSLContext {
    let offered = hello.applicationProtocols
    if offered == [Self.challengeProtocol], service == .https, let name = hello.serverName,
      let challenge = state.withLock({ $0.challenges[name] })
    {
      return try Self.makeContext(challenge, offered)
    }
    guard offered.isEmpty || offered.contains(where: applicationProtocols.contains) else {
      throw TLSRefusal.foreignApplicationProtocol(offered)
    }
    return try state.withLock { state in
      guard let answer = state.index.identity(for: hello.serverName, service: service, localAddress: local) else {
        throw TLSRefusal.noCertificate
      }
      if let name = hello.serverName, answer.match == .fallback { throw TLSRefusal.foreignServerName(name) }
      let key = Key(identity: answer.identity, applicationProtocols: applicationProtocols)
      if let context = state.contexts[key] { return context }
      let context = try Self.makeContext(answer.identity, applicationProtocols)
      state.contexts[key] = context
      return context
    }
  }

  private static func makeContext(_ identity: TLSIdentity, _ applicationProtocols: [String]) throws -> NIOSSLContext {
    let chain = try identity.chain.map { try NIOSSLCertificate(bytes: $0, format: .der) }
    let key = try identity.privateKey.withBytes { bytes throws(NIOSSLError) in
      try keyFrom(bytes)
    }
    return try NIOSSLContext(
      configuration: TLSSettings.server(chain: chain, key: key, applicationProtocols: applicationProtocols))
  }

  private static func keyFrom(_ bytes: [UInt8]) throws(NIOSSLError) -> NIOSSLPrivateKey {
    do { return try NIOSSLPrivateKey(bytes: bytes, format: .der) } catch { throw NIOSSLError.failedToLoadPrivateKey }
  }
}
