import Configuration
import ConsoleCore
import Foundation
import Services
import Stores
import WireKit

/// What the console shows of DHCP, and does with it.
extension DHCPHosting {
  static let commands = [
    Command(
      "show leases", options: [.init("all")], permission: "console:show",
      "addresses in use and reserved; `all`: also those given back", columns: leaseColumns),
    Command(
      "release", [.init("ADDRESS", .object(of: "show leases"))], permission: "console:leases",
      "take an address back from its client"),
    Command(
      "show boots", permission: "console:show", "machines that boot from the network, and how far each has come",
      columns: ["hardware", "address", "architecture", "time", "last step"]),
  ]

  private static let firstPage = 60
  private static let leaseColumns = ["address", "hardware", "name", "state", "expires", "subnet"]

  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    do {
      switch question.command {
      case "release":
        guard let address = question.values.first.flatMap({ IPAddress($0) }) else {
          return .failure("that is no address")
        }
        try await LeaseFolder(configuration.withLock { $0 }).release(address)
        return .done("\(address) is free again; its client learns of it when it renews")
      case "show boots": return question.page(Self.commands[2].columns, try boots())
      default: return try await leases(question)
      }
    } catch { return .failure("\(error)") }
  }

  /// A page of the store's own: however many leases there are, the answer holds one page of them.
  private func leases(_ question: ConsoleQuestion) async throws -> ConsoleAnswer {
    let folder = try LeaseFolder(configuration.withLock { $0 })
    // A short first page: a screen is full at once, and the rest comes while it is read.
    // Each page is a walk over all leases: the later ones are long.
    let limit = question.after == nil ? Self.firstPage : 4 * ConsoleQuestion.pageLength
    let (rows, next) = try await folder.page(
      store, after: question.after, limit: limit, all: question.options["all"] != nil)
    let cells = rows.map { row in
      [row.address, row.hardware ?? row.client ?? "", row.name ?? "", row.state, row.expires ?? "", row.subnet]
    }
    return .listing(Listing(columns: Self.leaseColumns, rows: cells, next: next))
  }

  private func boots() throws -> [[String]] {
    guard let content = FileManager.default.contents(atPath: DataFolder(configuration.withLock { $0 }).bootFile) else {
      return []
    }
    return try JSONDecoder().decode([BootTimeline.Machine].self, from: content).map { machine in
      let last = machine.steps.last
      return [
        machine.hardware, machine.address ?? "", machine.architecture.map(String.init) ?? "", last?.time ?? "",
        last?.step ?? "",
      ]
    }
  }
}
