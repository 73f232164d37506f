import Services
import WireKit

/// An account as an administrator asks for it.
public struct AccountSpecification: Sendable, Hashable, Codable {
  /// With or without a domain.
  public var name: String
  public var displayName: String
  public var addresses: [String]
  public var roles: [String]
  public var groups: [String]
  public var quotaBytes: Int64?
  public var expires: WallTime?

  public init(
    name: String, displayName: String = "", addresses: [String] = [], roles: [String] = [], groups: [String] = [],
    quotaBytes: Int64? = nil, expires: WallTime? = nil
  ) {
    self.name = name
    self.displayName = displayName
    self.addresses = addresses
    self.roles = roles
    self.groups = groups
    self.quotaBytes = quotaBytes
    self.expires = expires
  }
}

/// A change to an account: what is `nil` stays as it is.
public struct AccountChange: Sendable, Hashable, Codable {
  public var displayName: String?
  public var addresses: [String]?
  public var roles: [String]?
  public var groups: [String]?
  public var isDisabled: Bool?
  public var quotaBytes: Limit<Int64>?
  public var expires: Limit<WallTime>?

  /// A limit that may also be taken away.
  public enum Limit<Value: Sendable & Hashable & Codable>: Sendable, Hashable, Codable {
    case none
    case at(Value)

    var value: Value? {
      switch self {
      case .none: nil
      case .at(let value): value
      }
    }
  }

  public init() {}

  public var isEmpty: Bool { self == AccountChange() }
}
