import ArgumentParser
import Foundation
import Gate
import Operation
import Services
import WireKit

/// `portside watch`: what happens, as it happens.
struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Follow conversations and events live.",
    discussion: """
      Secrets are masked where the conversation is written down, before anyone sees it.

      Examples:
        portside watch --protocol dns
        portside watch --account ann@lab.test --peer 192.168.10.0/24 --json
      """)

  @OptionGroup var options: ConfigurationOptions
  @Option(name: .customLong("protocol"), help: "Only this service; may be repeated.") var services: [ServiceName] = []
  @Option(help: "Only this account.") var account: String?
  @Option(help: "Only this address or network.") var peer: IPNetwork?
  @Flag(help: "One JSON object a line.") var json = false

  func run() async throws {
    let configuration = try options.load()
    let filter = WatchFilter(services: Set(services), account: account, network: peer)
    let format = json ? LogFormat.json : LogFormat.human(colours: isatty(STDOUT_FILENO) == 1)
    try await AdministrationSession.with(configuration) { administration in
      for await event in try await administration.watch(filter) {
        Terminal.print(format.line(event))
      }
      throw CommandFailure("the server has ended the connection")
    }
  }
}

extension ServiceName: ExpressibleByArgument {}
extension IPNetwork: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
