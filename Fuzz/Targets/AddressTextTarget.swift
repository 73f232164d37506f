import WireKit

extension FuzzTarget {
  static let addressText = FuzzTarget(
    "address-text", "Address, network and endpoint: what a text means prints to a text that means the same."
  ) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    if let address = IPAddress(text) {
      try require(IPAddress(address.description) == address, "address \(text)")
      try require(IPAddress(octets: address.octets) == address, "octets of \(text)")
    }
    if let network = IPNetwork(text) {
      try require(IPNetwork(network.description) == network, "network \(text)")
      try require(network.contains(network.address) && network.contains(network.lastAddress), "ends of \(text)")
    }
    if let endpoint = Endpoint(text) {
      try require(Endpoint(endpoint.description) == endpoint, "endpoint \(text)")
    }
  }
}
