import Configuration
import ConsoleCore

/// What the console shows of DHCP.
extension DHCPHosting {
  static let commands = [
    Command(
      "show leases", options: [.init("all")], permission: "console:show",
      "addresses in use and reserved; `all`: also those given back", columns: leaseColumns)
  ]

  private static let leaseColumns = ["address", "hardware", "name", "state", "expires", "subnet"]

  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    do {
      let folder = try LeaseFolder(configuration.withLock { $0 })
      let rows = try await folder.rows(all: question.options["all"] != nil).map { row in
        [row.address, row.hardware ?? row.client ?? "", row.name ?? "", row.state, row.expires ?? "", row.subnet]
      }
      return question.page(Self.leaseColumns, rows)
    } catch { return .failure("the leases can't be read: \(error)") }
  }
}
