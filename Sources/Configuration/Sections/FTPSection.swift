import WireKit

/// `[ftp]`: FTP, with TLS.
public struct FTPSection: PlaintextSection {
  public enum TLSRequirement: String, ConfigurationChoice {
    case required, optional
  }

  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(21)
  public var tlsPort = ListenPort.off
  public var dataPort = ListenPort.number(20)
  public var tls = TLSRequirement.required
  public var passive = FTPPassive()
  public var plaintext = false
  public var plaintextNetworks: [IPNetwork] = []

  public init() {}

  public static let ports = [
    ServicePort<FTPSection>(service: .ftp, key: "port", place: \.port, transports: [.tcp], tls: .starttls),
    ServicePort<FTPSection>(service: .ftps, key: "tls_port", place: \.tlsPort, transports: [.tcp], tls: .implicit),
  ]

  public static let schema = Schema(FTPSection(), "FTP, with TLS.") { keys in
    keys.service("FTP")
    keys.port("port", "The port for commands, with AUTH TLS (RFC 4217).")
    keys.key(
      "tls_port", \.tlsPort, .port, "The port for commands inside TLS, 990 by custom.",
      details: "0 takes any free port, `\"off\"` none.", example: "990")
    keys.key(
      "data_port", \.dataPort, .port, "The port that active data connections come from.",
      details: "0 lets the system choose, as without root it must. `\"off\"`: no active mode.", example: "20")
    keys.key(
      "tls", \.tls, .choice, "Whether log-in and transfers demand TLS.",
      details: "With `\"optional\"`, log-in without TLS still needs `plaintext = true`.", example: "\"required\"")
    keys.key("passive", \.passive, .record(), "Passive data connections.", example: "{}")
    keys.plaintext()
  }

  public func problems() -> [Problem] {
    var problems = plaintextProblems()
    if plaintext, tls == .required {
      problems.append(
        Problem(
          ConfigurationPath("plaintext"), "has no effect with tls = \"required\"", severity: .warning,
          basis: [ConfigurationPath("tls")]))
    }
    for (name, port) in [("port", port), ("tls_port", tlsPort)] {
      if case .number(let number) = port, passive.ports.contains(number) {
        problems.append(
          Problem(
            ConfigurationPath("passive", "ports"), "\(passive.ports) holds \(number), which is ftp.\(name)",
            basis: [ConfigurationPath(name)]))
      }
    }
    return problems
  }
}
