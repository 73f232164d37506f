/// `[ssh]`: SSH, SFTP and SCP.
public struct SSHSection: ServiceSection {
  public enum Shell: String, ConfigurationChoice {
    case console, os
  }

  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(22)
  public var shell = Shell.console
  public var forwarding = false
  public var sftp = SFTPSettings()

  public init() {}

  public static let ports = [
    ServicePort<SSHSection>(service: .ssh, key: "port", place: \.port, transports: [.tcp], tls: .none)
  ]

  public static let schema = Schema(SSHSection(), "SSH, SFTP and SCP.") { keys in
    keys.service("SSH")
    keys.port("port", "The port.")
    keys.key(
      "shell", \.shell, .choice, "What a session without a command gets.",
      details: "`\"console\"`: the console of this server. `\"os\"`: the account's own shell, for which the supervisor "
        + "must run as root.", example: "\"console\"")
    keys.key(
      "forwarding", \.forwarding, .flag, "Whether accounts that are permitted to may forward connections.",
      example: "false")
    keys.key("sftp", \.sftp, .record(), "The files that SFTP and SCP show.", example: "{}")
  }
}
