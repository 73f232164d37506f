import Services
import WireKit

/// How long each misbehaviour keeps a source away; the configuration's `[auth] penalty`. The figures are those of
/// OpenSSH's `PerSourcePenalties` (sshd_config(5)).
public struct PenaltySettings: Sendable, Hashable {
  /// What each misbehaviour adds; zero for nothing.
  public var costs: [Misbehaviour: Duration]
  /// Penalties below this are counted and not yet enforced, so that one slip costs nobody anything.
  public var minimum: Duration
  /// A penalty never lasts longer than this.
  public var maximum: Duration
  /// Leading bits of an IPv4 address that make a source: 0...32.
  public var prefixLengthV4: Int
  /// Leading bits of an IPv6 address that make a source: 0...128. 64, because who has one address there has them all.
  public var prefixLengthV6: Int
  /// Sources that are never penalised.
  public var exempt: [IPNetwork]
  /// Most sources that are remembered. When one more comes, those whose penalties end first are forgotten.
  public var maximumSources: Int

  public init(
    costs: [Misbehaviour: Duration] = defaultCosts, minimum: Duration = .seconds(15), maximum: Duration = .seconds(600),
    prefixLengthV4: Int = 32, prefixLengthV6: Int = 64, exempt: [IPNetwork] = [], maximumSources: Int = 65_536
  ) {
    self.costs = costs
    self.minimum = minimum
    self.maximum = maximum
    self.prefixLengthV4 = min(max(prefixLengthV4, 0), 32)
    self.prefixLengthV6 = min(max(prefixLengthV6, 0), 128)
    self.exempt = exempt
    self.maximumSources = max(1, maximumSources)
  }

  public static let defaultCosts: [Misbehaviour: Duration] = [
    .authfail: .seconds(5), .invaliduser: .seconds(5), .noauth: .seconds(1), .graceExceeded: .seconds(10),
    .crash: .seconds(90),
  ]

  /// The source that an address belongs to.
  func source(of address: IPAddress) -> IPNetwork {
    Self.source(of: address, prefixLengthV4: prefixLengthV4, prefixLengthV6: prefixLengthV6)
  }

  static func source(of address: IPAddress, prefixLengthV4: Int, prefixLengthV6: Int) -> IPNetwork {
    let address = address.unmapped
    let length = address.family == .v4 ? prefixLengthV4 : prefixLengthV6
    return IPNetwork(containing: address, prefixLength: length) ?? IPNetwork(address)
  }
}
