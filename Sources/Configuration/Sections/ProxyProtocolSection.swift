import WireKit

/// `[proxy_protocol]`: who may say on whose behalf it connects.
public struct ProxyProtocolSection: ConfigurationRecord {
  public var from: [IPNetwork] = []

  public init() {}

  public static let schema = Schema(ProxyProtocolSection(), "Balancers in front of this server.") { keys in
    keys.key(
      "from", \.from, .list(.text()), "Networks whose connections begin with a PROXY header, version 1 or 2.",
      details: "From these every connection must have one; from others none is accepted.",
      example: "[\"192.168.10.5/32\"]")
  }

  public func problems() -> [Problem] {
    from.enumerated().filter { $0.element.prefixLength == 0 }.map { index, network in
      Problem(
        ConfigurationPath("from").appending(index: index),
        "\(network) is every address: anyone could claim to be anyone", hint: "name the balancers")
    }
  }
}
