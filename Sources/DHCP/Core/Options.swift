/// The options of a message: code and bytes, in order, each code once. A long one is whole here (RFC 3396).
public struct Options: Sendable, Hashable {
  public struct Item: Sendable, Hashable {
    public var code: UInt8
    public var bytes: [UInt8]
  }

  public private(set) var items: [Item] = []

  public init() {}

  /// The bytes of an option; setting `nil` removes it.
  public subscript(_ code: UInt8) -> [UInt8]? {
    get { items.first { $0.code == code }?.bytes }
    set {
      let index = items.firstIndex { $0.code == code }
      switch (index, newValue) {
      case (let index?, let bytes?): items[index].bytes = bytes
      case (let index?, nil): items.remove(at: index)
      case (nil, let bytes?): items.append(Item(code: code, bytes: bytes))
      case (nil, nil): break
      }
    }
  }

  public subscript(_ code: OptionCode) -> [UInt8]? {
    get { self[code.rawValue] }
    set { self[code.rawValue] = newValue }
  }

  /// Adds bytes to an option that came in parts (RFC 3396 §5).
  mutating func append(_ bytes: [UInt8], to code: UInt8) {
    if let index = items.firstIndex(where: { $0.code == code }) {
      items[index].bytes += bytes
    } else {
      items.append(Item(code: code, bytes: bytes))
    }
  }

  /// Takes over what `other` has and this has not.
  public mutating func fill(from other: Options) {
    for item in other.items where self[item.code] == nil { items.append(item) }
  }
}

/// The options that the server itself knows. All others go by the table (`OptionDefinition`).
public enum OptionCode: UInt8, Sendable, Hashable {
  case subnetMask = 1
  case hostName = 12
  case domainName = 15
  case vendorSpecific = 43
  case requestedAddress = 50
  case leaseTime = 51
  case overload = 52
  case messageType = 53
  case serverIdentifier = 54
  case parameterRequestList = 55
  case message = 56
  case maximumMessageSize = 57
  case renewalTime = 58
  case rebindingTime = 59
  case vendorClass = 60
  case clientIdentifier = 61
  case tftpServerName = 66
  case bootFileName = 67
  case userClass = 77
  case authentication = 90
  case lastTransactionTime = 91
  case associatedAddresses = 92
  case rapidCommit = 80
  case clientFQDN = 81
  case relayAgentInformation = 82
  case clientArchitecture = 93
  case clientInterface = 94
  case clientMachine = 97
  case subnetSelection = 118
  case forceRenewNonceCapable = 145
  case iPXE = 175
}
