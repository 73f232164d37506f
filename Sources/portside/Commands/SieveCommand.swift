import ArgumentParser
import Configuration
import Foundation
import SieveCore

/// `portside sieve`: the filters of accounts, one file each.
struct SieveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sieve", abstract: "Filters of accounts: put, show, remove, check.",
    discussion: """
      A filter is a Sieve script (RFC 5228). It is in force with the next message.

      Examples:
        portside sieve check filter.sieve
        portside sieve put ann@lab.test filter.sieve
        portside sieve show ann@lab.test
      """, subcommands: [Check.self, Put.self, Show.self, Remove.self])

  /// The script in a file; says what is wrong with it and ends the command.
  fileprivate static func read(_ file: String) throws -> String {
    guard let content = FileManager.default.contents(atPath: file) else { throw CommandFailure("can't read \(file)") }
    guard let text = String(validating: content, as: UTF8.self) else { throw CommandFailure("\(file) is no UTF-8") }
    do throws(SieveScript.Fault) { _ = try SieveScript(text) } catch {
      Terminal.note("portside: \(file): \(error)")
      throw ExitCode(1)
    }
    return text
  }

  /// Where an account's filter stands; the account's whole name.
  fileprivate static func place(_ account: String, _ options: ConfigurationOptions) throws -> String {
    let configuration = try options.load()
    let folder = DataFolder(configuration)
    var name = account.lowercased()
    if !name.contains("@") {
      guard let domain = configuration.smtp.domains.first else {
        throw CommandFailure("give the whole name of the account, such as ann@lab.test")
      }
      name += "@\(domain.description.lowercased())"
    }
    guard !name.contains("/"), !name.hasPrefix(".") else { throw CommandFailure("'\(account)' is no account's name") }
    try folder.becomeOwner()
    return "\(folder.sieve)/\(name).sieve"
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Whether a script can be understood.")
    @Argument(help: "The script.") var file: String

    func run() async throws {
      _ = try SieveCommand.read(file)
      Terminal.print("\(file) is a Sieve script that runs here")
    }
  }

  struct Put: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "put", abstract: "Makes a script an account's filter.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The account.") var account: String
    @Argument(help: "The script.") var file: String

    func run() async throws {
      let text = try SieveCommand.read(file)
      let path = try SieveCommand.place(account, options)
      do {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      } catch { throw CommandFailure("can't write \(path): \(error.localizedDescription)") }
      Terminal.print("in force with the next message: \(path)")
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "An account's filter.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The account.") var account: String

    func run() async throws {
      let path = try SieveCommand.place(account, options)
      guard let content = FileManager.default.contents(atPath: path) else {
        throw CommandFailure("\(account) has no filter")
      }
      Terminal.print(String(decoding: content, as: UTF8.self))
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Removes an account's filter.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The account.") var account: String

    func run() async throws {
      let path = try SieveCommand.place(account, options)
      guard unlink(path) == 0 else { throw CommandFailure("\(account) has no filter") }
      Terminal.print("\(account) has no filter any more")
    }
  }
}
