import WireKit

/// `[ftp]`: FTP, with TLS.
public struct FTPSection: PlaintextSection {
  public enum TLSRequirement: String, ConfigurationChoice {
    case required, optional
  }

  public enum Uploads: String, ConfigurationChoice {
    case whole, visible
  }

  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(21)
  public var tlsPort = ListenPort.off
  public var dataPort = ListenPort.number(20)
  public var tls = TLSRequirement.required
  public var clearCommands = false
  public var passive = FTPPassive()
  public var anonymous: AbsolutePath?
  public var uploads = Uploads.whole
  public var sync = true
  public var transferLog: AbsolutePath?
  public var idleTimeout = Duration.seconds(300)
  public var stallTimeout = Duration.seconds(120)
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
    keys.key(
      "clear_commands", \.clearCommands, .flag,
      "Whether clients may end TLS on the command connection once they have logged in (CCC, RFC 4217).",
      details:
        "For address translators that must read which ports are used. Data connections stay as encrypted as they were.",
      example: "true")
    keys.key("passive", \.passive, .record(), "Passive data connections.", example: "{}")
    keys.key(
      "anonymous", \.anonymous, Codec<AbsolutePath>.text().optional(),
      "The folder that anybody may read, as `anonymous` and without TLS.", details: "Absent: nobody may.",
      example: "\"/srv/public\"")
    keys.key(
      "uploads", \.uploads, .choice, "When an upload is seen under its name.",
      details: "`\"whole\"`: once it is complete. `\"visible\"`: from its first byte.",
      example: "\"whole\"")
    keys.key(
      "sync", \.sync, .flag, "Whether an upload is answered only once it and its name are on the disk (fsync).",
      details: "`false` answers when the system has it, as other FTP servers do: faster for small files, and what was "
        + "answered in the last half minute may be lost when the power fails.",
      example: "true")
    keys.key(
      "transfer_log", \.transferLog, Codec<AbsolutePath>.text().optional(),
      "A file that takes a line for each transfer, in the form of xferlog.",
      details: "The server may write in its folder.", example: "\"/var/log/portside/xferlog\"")
    keys.key(
      "idle_timeout", \.idleTimeout, .duration(.seconds(5) ... .seconds(7200)),
      "How long a client may be silent between commands.", example: "\"5m\"")
    keys.key(
      "stall_timeout", \.stallTimeout, .duration(.seconds(1) ... .seconds(3600)),
      "How long a transfer may stand still.", example: "\"2m\"")
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
