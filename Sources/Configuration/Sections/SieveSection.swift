import WireKit

/// `[sieve]`: people's filters, changed by their mail programs.
public struct SieveSection: PlaintextSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(4190)
  public var plaintext = false
  public var plaintextNetworks: [IPNetwork] = []

  public init() {}

  public static let ports = [
    ServicePort<SieveSection>(service: .sieve, key: "port", place: \.port, transports: [.tcp], tls: .starttls)
  ]

  public static let schema = Schema(SieveSection(), "People's mail filters, changed by their programs (ManageSieve).") {
    keys in
    keys.service("ManageSieve")
    keys.port("port", "The port, with STARTTLS (RFC 5804).")
    keys.plaintext()
  }

  public func problems() -> [Problem] { plaintextProblems() }
}
