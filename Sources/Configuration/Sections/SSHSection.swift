/// `[ssh]`: SSH, SFTP and SCP.
public struct SSHSection: ServiceSection {
  public enum Shell: String, ConfigurationChoice {
    case console, os, system
  }

  public enum Algorithms: String, ConfigurationChoice {
    case standard, hardened
  }

  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(22)
  public var shell = Shell.console
  public var forwarding = false
  public var methods = [
    LogInWay(constant: "publickey"), LogInWay(constant: "keyboard-interactive"), LogInWay(constant: "password"),
  ]
  public var algorithms = Algorithms.standard
  public var graceTime = Duration.seconds(120)
  public var banner: PlainText?
  public var sftp = SFTPSettings()

  public init() {}

  public static let ports = [
    ServicePort<SSHSection>(service: .ssh, key: "port", place: \.port, transports: [.tcp], tls: .none)
  ]

  public static let schema = Schema(SSHSection(), "SSH, SFTP and SCP.") { keys in
    keys.service("SSH")
    keys.port("port", "The port.")
    keys.key(
      "shell", \.shell, .choice, "What a session that asks for a shell or a command gets.",
      details: "`\"console\"`: the console of this server. `\"os\"`: a shell of the operating system as the user that "
        + "this server runs as, who must not be root, for accounts with the permission `shell`; that worker may then "
        + "touch whatever this user may. `\"system\"`: for accounts with the permission `shell` whose name without its "
        + "domain is that of an account of the operating system, sessions of that account: shell, commands and files; the "
        + "server must be started by root.", example: "\"console\"")
    keys.key(
      "forwarding", \.forwarding, .flag, "Whether accounts that are permitted to may forward connections.",
      details: "`ssh:connect` permits connections from here, `ssh:listen` listeners on loopback here.", example: "false"
    )
    keys.key(
      "methods", \.methods, .list(.text(), count: 1...8), "The ways to log in, any of which is enough.",
      details:
        "A way with commas needs each of its methods, one after the other. A second factor that an account has is "
        + "asked for whatever stands here.", example: "[\"publickey\", \"password,keyboard-interactive\"]")
    keys.key(
      "algorithms", \.algorithms, .choice, "Which algorithms are offered.",
      details: "`\"hardened\"` leaves out those of the curves of NIST, and MACs that are no -etm ones: what ssh-audit "
        + "asks for, and all that current clients need.", example: "\"standard\"")
    keys.key(
      "grace_time", \.graceTime, .duration(.seconds(5) ... .seconds(600)), "How long a log-in may take.",
      example: "\"2m\"")
    keys.key(
      "banner", \.banner, Codec<PlainText>.text().optional(), "Words that clients show before the log-in.",
      details: "Absent: none.", example: "\"Authorised users only.\"")
    keys.key("sftp", \.sftp, .record(), "The files that SFTP and SCP show.", example: "{}")
  }
}
