import WireKit

/// A password for one program, random and long, with which only some services are open from some networks for some time.
/// It needs no second factor.
public struct AppPassword: Sendable, Hashable, Codable {
  /// Given by the store; unique over all accounts.
  public var id: Int64
  /// What it is for, in the owner's words: `phone`.
  public var label: String
  /// A keyed hash of the password: fast, because 100 random bits can't be guessed.
  public var hash: Secret
  /// The services it opens; empty for all but `admin`.
  public var services: Set<ServiceName>
  /// The networks it works from; empty for all of them.
  public var networks: [IPNetwork]
  public var expires: WallTime?
  public var created: WallTime
  public var lastUsed: WallTime?

  public init(
    id: Int64 = 0, label: String, hash: Secret, services: Set<ServiceName> = [], networks: [IPNetwork] = [],
    expires: WallTime? = nil, created: WallTime, lastUsed: WallTime? = nil
  ) {
    self.id = id
    self.label = label
    self.hash = hash
    self.services = services
    self.networks = networks
    self.expires = expires
    self.created = created
    self.lastUsed = lastUsed
  }
}
