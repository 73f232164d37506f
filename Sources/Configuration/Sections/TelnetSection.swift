import WireKit

/// `[telnet]`: the console, for laboratories.
public struct TelnetSection: PlaintextSection {
  public var enabled = false
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(23)
  public var tlsPort = ListenPort.off
  public var plaintext = false
  public var plaintextNetworks: [IPNetwork] = []
  public var lines: [ConfigurationName: TelnetLine] = [:]

  public init() {}

  public static let ports = [
    ServicePort<TelnetSection>(service: .telnet, key: "port", place: \.port, transports: [.tcp], tls: .starttls),
    ServicePort<TelnetSection>(service: .telnet, key: "tls_port", place: \.tlsPort, transports: [.tcp], tls: .implicit),
  ]

  public static let schema = Schema(
    TelnetSection(), "The console by Telnet, for laboratories; never a log-in to the operating system."
  ) { keys in
    keys.service("Telnet")
    keys.port("port", "The port; log-in demands START_TLS unless `plaintext` says otherwise.")
    keys.key(
      "tls_port", \.tlsPort, .port, "The port inside TLS, 992 by custom.",
      details: "0 takes any free port, `\"off\"` none.", example: "992")
    keys.plaintext()
    keys.key(
      "lines", \.lines, .map(ConfigurationName.self, .record()),
      "Serial lines through the network, each on a port of its own.",
      example: "{}", exampleKey: "switch1")
  }

  public func problems() -> [Problem] { plaintextProblems() }
}
