import WireKit

/// `[admin]`: the administration pages and their HTTP API.
public struct AdminSection: PlaintextSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.off
  public var tlsPort = ListenPort.number(8443)
  public var from: [IPNetwork] = []
  public var plaintext = false
  public var plaintextNetworks: [IPNetwork] = []

  public init() {}

  public static let ports = [
    ServicePort<AdminSection>(service: .admin, key: "port", place: \.port, transports: [.tcp], tls: .none),
    ServicePort<AdminSection>(service: .admin, key: "tls_port", place: \.tlsPort, transports: [.tcp], tls: .implicit),
  ]

  public static let schema = Schema(
    AdminSection(),
    "The administration pages and their HTTP API, on ports of their own. A site `\"@admin\"` of `[http]` "
      + "has them beside other sites."
  ) { keys in
    keys.service("the administration")
    keys.key(
      "port", \.port, .port, "The port without TLS.", details: "0 takes any free port, `\"off\"` none.",
      example: "\"off\"")
    keys.key(
      "tls_port", \.tlsPort, .port, "The port with TLS.", details: "0 takes any free port, `\"off\"` none.",
      example: "8443")
    keys.key(
      "from", \.from, .list(.text()), "Networks that may open the pages; empty: all that reach them.",
      example: "[\"192.168.10.0/24\"]")
    keys.plaintext()
  }

  public func problems() -> [Problem] { plaintextProblems() }
}
