import ArgumentParser
import Configuration
import Foundation
import SSHCore

/// `portside ssh`: the keys that the SSH server proves itself by.
struct SSHCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ssh", abstract: "The keys that the SSH server proves itself by.", subcommands: [HostKey.self])

  struct HostKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "host-key", abstract: "Host keys.", subcommands: [SSHCommand.List.self, SSHCommand.Import.self])
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "The host keys, with the records for the zone (SSHFP, RFC 4255).")
    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
      var table = Table("type", "fingerprint", "record")
      for key in SSHHostKeys.publicKeys(DataFolder(try options.load()).hostKeys) {
        table.add(key.type, key.fingerprint, key.fingerprintRecord ?? "-")
      }
      Terminal.print(table.text)
    }
  }

  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Takes over another server's host key, so that clients go on without a warning.",
      discussion:
        "The file is one of OpenSSH's without a pass phrase, such as /etc/ssh/ssh_host_ed25519_key. It takes the "
        + "place of the key of its kind, from the server's next start on.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The file with the private key.") var file: String

    func run() async throws {
      let configuration = try options.load()
      guard let content = FileManager.default.contents(atPath: file) else { throw CommandFailure("can't read \(file)") }
      let key: PrivateKey
      do { key = try PrivateKey(openSSHFile: [UInt8](content)) } catch {
        throw CommandFailure(
          "\(file) is no private key of OpenSSH's without a pass phrase (ssh-keygen -p takes it off)")
      }
      let folder = DataFolder(configuration)
      let secret = SSHHostKeys.secret(from: try MasterKey.load(configuration))
      try folder.becomeOwner()
      let path = try SSHHostKeys.replace(in: folder.hostKeys, with: key, secret)
      Terminal.print(
        "\(key.publicKey.type) \(key.publicKey.fingerprint) is now \(path), from the next start of the server on")
    }
  }
}
