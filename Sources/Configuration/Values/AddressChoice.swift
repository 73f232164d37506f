import WireKit

/// An address, or `auto`: the one that the client connected to.
public enum AddressChoice: Hashable, Sendable {
  case automatic
  case fixed(IPAddress)
}

extension AddressChoice: ConfigurationText {
  public static var typeName: String { "address" }
  public static var form: String { "an address such as \"203.0.113.7\", or \"auto\"" }

  public init(configuration text: String) throws(TextError) {
    if text == "auto" {
      self = .automatic
    } else if let address = IPAddress(text), !address.isUnspecified, !address.isMulticast {
      self = .fixed(address)
    } else {
      throw Self.mismatch(text)
    }
  }

  public var description: String {
    switch self {
    case .automatic: "auto"
    case .fixed(let address): address.description
    }
  }
}
