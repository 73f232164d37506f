import WireKit

/// Which certificate answers for a server name: built once per change of the certificates, asked once per handshake.
public struct IdentityIndex: Sendable {
  /// How an identity came to be the answer.
  public enum Match: Hashable, Sendable {
    /// It has the very name, or the address that was connected to.
    case exact
    /// It has a wildcard that covers the name.
    case wildcard
    /// Nothing has the name, or none was asked for. A listener that must not serve a foreign name (ALPACA) aborts when a
    /// name was asked for.
    case fallback
  }

  /// The identity to present, and why.
  public struct Answer: Hashable, Sendable {
    public var identity: TLSIdentity
    public var match: Match
  }

  private let identities: [TLSIdentity]
  /// All positions in `identities`.
  private let everything: [Int]
  /// Positions in `identities`, by exact name.
  private var exact: [CertificateName: [Int]] = [:]
  /// Positions in `identities`, by what stands behind `*.`.
  private var wildcards: [Substring: [Int]] = [:]

  /// The index over `identities`; where several fit equally well, the earlier one answers.
  public init(_ identities: [TLSIdentity]) {
    self.identities = identities
    everything = Array(identities.indices)
    for (position, identity) in identities.enumerated() {
      for name in identity.names.compactMap(CertificateName.init) {
        if name.kind == .wildcard, let parent = name.parent {
          wildcards[parent, default: []].append(position)
        } else {
          exact[name, default: []].append(position)
        }
      }
    }
  }

  /// The identity for what the client asked for (RFC 6066 §3), or `nil` when no identity is meant for this service.
  ///
  /// Exact names come before wildcards, wildcards before the fallback; within each, an identity meant for this service
  /// comes before one that is for all. `serverName` is what the peer sent, unchecked. Without one, `localAddress` (the
  /// address the client connected to) is looked for among the certificates' addresses.
  public func identity(
    for serverName: String?, service: ServiceName, localAddress: IPAddress? = nil
  ) -> Answer? {
    let asked = serverName.map(CertificateName.init) ?? localAddress.map { CertificateName($0.unmapped) }
    if let asked {
      if let identity = pick(exact[asked], service) { return Answer(identity: identity, match: .exact) }
      if asked.kind == .host, let parent = asked.parent, let identity = pick(wildcards[parent], service) {
        return Answer(identity: identity, match: .wildcard)
      }
    }
    return pick(everything, service).map { Answer(identity: $0, match: .fallback) }
  }

  private func pick(_ positions: [Int]?, _ service: ServiceName) -> TLSIdentity? {
    guard let positions else { return nil }
    let found =
      positions.first { identities[$0].services.contains(service) }
      ?? positions.first { identities[$0].services.isEmpty }
    return found.map { identities[$0] }
  }
}
