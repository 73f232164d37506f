/// Where the certificates of TLS listeners come from. They change while the server runs: renewed, imported, revoked.
public protocol CertificateSource: Sendable {
  /// Everything there is now, and again after every change.
  func identities() -> AsyncStream<[TLSIdentity]>
}

/// A certificate chain and the key that belongs to it.
public struct TLSIdentity: Sendable, Hashable, Codable {
  /// Host names that it answers for; `*.lab.test` covers one label.
  public var names: [String]
  /// The services that use it; empty for all of them.
  public var services: Set<ServiceName>
  /// DER, leaf first, without the root.
  public var chain: [[UInt8]]
  /// PKCS#8, DER.
  public var privateKey: Secret

  public init(names: [String], services: Set<ServiceName> = [], chain: [[UInt8]], privateKey: Secret) {
    self.names = names
    self.services = services
    self.chain = chain
    self.privateKey = privateKey
  }
}
