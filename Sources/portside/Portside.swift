import ArgumentParser

/// The command line: `portside VERB …`.
struct Portside: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "portside",
    abstract: "Every common network service of a small organisation, in one program.",
    discussion: """
      Examples:
        portside try                        a laboratory on this machine, no root needed
        portside serve --config FILE        the real thing
        portside check                      is everything as it should be?
        portside probe https://www.lab.test what does a client see?

      Exit codes: 0 done, 1 a finding or failure, 2 wrong use.
      """,
    version: Version.text,
    subcommands: [
      TryCommand.self, ServeCommand.self, CheckCommand.self, ProbeCommand.self, WatchCommand.self, ConsoleCommand.self,
      AccountCommand.self, CertCommand.self, ZoneCommand.self, LeaseCommand.self, BootCommand.self,
      ConfigBackupCommand.self, MailboxCommand.self, QueueCommand.self, SieveCommand.self, SSHCommand.self,
      SessionCommand.self, PenaltyCommand.self, AuditCommand.self, BackupCommand.self, ConfigCommand.self,
      StatusCommand.self, ReloadCommand.self,
      StopCommand.self, DocumentationCommand.self,
    ])
}

/// Which version this is.
enum Version {
  static let text = "0.1.0"
}
