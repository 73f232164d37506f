import ArgumentParser
import Configuration
import DHCPCore
import Foundation
import Services
import Stores
import Transport
import WireKit

/// `portside lease`: the addresses that DHCP has given, and those that are kept for machines.
struct LeaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lease", abstract: "Leases of DHCP: list, reserve, release, import, export.",
    subcommands: [
      List.self, Reserve.self, Unreserve.self, Release.self, Renew.self, Import.self, Export.self,
    ])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Who has which address, until when; and what is reserved.",
      discussion: "Leases that have ended are left out unless --all is given.")
    @OptionGroup var options: ConfigurationOptions
    @Flag(help: "Ended leases as well.") var all = false
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
      let rows = try await LeaseFolder(try options.load()).rows(all: all)
      if json { return try Terminal.print(json: rows) }
      var table = Table("address", "hardware", "name", "state", "expires", "subnet")
      for row in rows {
        table.add(
          row.address, row.hardware ?? row.client ?? "-", row.name ?? "-", row.state, row.expires ?? "-", row.subnet)
      }
      Terminal.print(table.text)
    }
  }

  struct Reserve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reserve", abstract: "Keep an address for a machine, from its next request on.",
      discussion: """
        Reservations of the configuration file go first. A running server knows within two seconds.

        Example: portside lease reserve printer 192.168.10.20 --mac 00:11:22:33:44:55
        """)
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The machine's name.") var name: String
    @Argument(help: "Its address, in one of the subnets.") var address: String
    @Option(help: "Its hardware address.") var mac: String?
    @Option(help: "Instead: its client identifier (option 61), in hexadecimal digits.") var client: String?
    @Option(help: "Its host name; absent: the name.") var host: String?

    func run() async throws {
      guard let identity = mac ?? client.map({ "client:\($0)" }), (mac == nil) != (client == nil),
        let entry = StaticReservation(name: name, identity: identity, address: address, host: host)
      else { throw ValidationError("one of --mac and --client, and an IPv4 address, are needed") }
      try LeaseFolder(try options.load()).reserve([entry])
      Terminal.print("\(entry.address) is kept for \(entry.name)")
    }
  }

  struct Unreserve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "unreserve", abstract: "Keep an address for nobody any more; its lease stays until it ends.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The name or the address.") var name: String

    func run() async throws { try LeaseFolder(try options.load()).unreserve(name) }
  }

  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "release", abstract: "End a lease; the address is free for others, its names go.",
      discussion: "The machine is not told: take it off the network first.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The address.") var address: String

    func run() async throws {
      guard let ip = IPAddress(address) else { throw ValidationError("'\(address)' is no address") }
      try await LeaseFolder(try options.load()).release(ip)
      Terminal.print("\(ip) is free")
    }
  }

  struct Renew: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "renew",
      abstract: "Have a machine renew its lease at once (RFC 3203), so that it takes over what has changed.",
      discussion: """
        The running server tells it within two seconds. Only machines obey that asked for the means to know the server when they took
        their lease (RFC 6704): dhcpcd with `option forcerenew_nonce_capable`, for example.
        """)
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The address.") var address: String

    func run() async throws {
      guard let ip = IPAddress(address), ip.family == .v4 else {
        throw ValidationError("'\(address)' is no IPv4 address")
      }
      try LeaseFolder(try options.load()).askToRenew(ip)
      Terminal.print("\(ip) will be told")
    }
  }

  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Take over leases and reservations of this or another server.",
      discussion: """
        csv: what `export` writes. kea: kea-leases4.csv, or a configuration (JSON) with reservations. isc: dhcpd.leases, or
        dhcpd.conf with its `host` entries. dnsmasq: dnsmasq.leases, or its `dhcp-host` lines. The form is found out from the
        content. Addresses outside of the configured subnets are left out, and told.
        """)
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The file.") var file: String
    @Flag(help: "Only say what would be taken over.") var dryRun = false

    func run() async throws {
      guard let content = FileManager.default.contents(atPath: file) else {
        throw CommandFailure("\(file): \(String(cString: strerror(errno == 0 ? ENOENT : errno)))")
      }
      let found = try LeaseImport.read(String(decoding: content, as: UTF8.self))
      let folder = try LeaseFolder(try options.load())
      let result = try await folder.take(found, dryRun: dryRun)
      for text in result.refused { Terminal.note("left out: \(text)") }
      Terminal.print(
        "\(result.leases) leases and \(result.reservations) reservations \(dryRun ? "could be " : "")taken over")
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export", abstract: "All leases that are held, and reservations, as CSV on standard output.")
    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
      let rows = try await LeaseFolder(try options.load()).rows(all: false)
      Terminal.print(LeaseImport.header)
      for row in rows { Terminal.print(LeaseImport.line(row)) }
    }
  }
}
