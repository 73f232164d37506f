import WireKit

/// The address of a peer, with a port where it isn't the usual one: `198.51.100.9`, `198.51.100.9:10053`, `[::1]:53`.
public struct PeerAddress: Hashable, Sendable {
  public var address: IPAddress
  public var port: UInt16?

  public init(_ address: IPAddress, port: UInt16? = nil) {
    self.address = address
    self.port = port
  }
}

extension PeerAddress: ConfigurationText {
  public static var typeName: String { "address" }
  public static var form: String { "an address such as \"198.51.100.9\" or \"198.51.100.9:53\"" }

  public init(configuration text: String) throws(TextError) {
    if let address = IPAddress(text) {
      self.init(address)
    } else if let endpoint = Endpoint(text), endpoint.port > 0 {
      self.init(endpoint.address, port: endpoint.port)
    } else {
      throw Self.mismatch(text)
    }
  }

  public var description: String { port.map { Endpoint(address, $0).description } ?? address.description }
}
