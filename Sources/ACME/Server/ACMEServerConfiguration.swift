import ACMECore
import WireKit

/// Whom a private authority issues certificates for.
public struct ACMEServerConfiguration: Sendable {
  /// Where clients may come from.
  public var networks: [IPNetwork]
  /// Domains whose names are issued, themselves and all below; in lower case.
  public var domains: [String]
  /// The port that http-01 looks at.
  public var validationPort: UInt16
  /// What new accounts must be bound to; `nil`: nothing.
  public var binding: (keyID: String, secret: [UInt8])?
  /// Names of one order.
  public var maximumNames = 50
  /// Accounts, and orders of one account that are neither finished nor over.
  public var maximumAccounts = 10_000
  public var maximumPendingOrders = 50
  /// Seconds that an order waits to be finished.
  public var orderLifetime: Int64 = 86_400

  public init(
    networks: [IPNetwork], domains: [String], validationPort: UInt16 = 80,
    binding: (keyID: String, secret: [UInt8])? = nil
  ) {
    self.networks = networks
    self.domains = domains.map { $0.lowercased() }
    self.validationPort = validationPort
    self.binding = binding
  }

  /// Whether a name may be issued at all: a host name within the domains. No wildcards: http-01 can't prove them.
  func permits(_ name: String) -> Bool {
    guard (1...253).contains(name.utf8.count), !name.hasPrefix("."), !name.hasSuffix("."),
      name.utf8.allSatisfy({
        (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E
      }), !name.contains("..")
    else { return false }
    return domains.contains { name == $0 || name.hasSuffix("." + $0) }
  }
}
