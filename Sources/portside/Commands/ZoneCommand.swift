import ArgumentParser
import Configuration
import DNSCore
import DNSReplication
import DNSServer
import Foundation

/// `portside zone`: the zones that the server answers for.
struct ZoneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zone", abstract: "Zones: list, check, edit, import, export; keys for transfers.",
    subcommands: [List.self, Check.self, Edit.self, Import.self, Export.self, Key.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The configured zones.")
    @OptionGroup var options: ConfigurationOptions
    @Flag(help: "As JSON.") var json = false

    struct Row: Encodable {
      var zone: String
      var serial: UInt32?
      var records: Int?
      var errors: Int
      var file: String
    }

    func run() async throws {
      let configuration = try options.load()
      let folder = DataFolder(configuration)
      let rows = try configuration.dns.zones.map { zone in
        guard !zone.catalog || !zone.from.isEmpty else {
          return Row(zone: zone.name.description, serial: nil, records: nil, errors: 0, file: "made here")
        }
        let copy = (try? Name(zone.name.description)).map { ReplicationFiles.copy(of: $0, in: folder.replication) }
        let file = zone.from.isEmpty ? folder.zoneFile(zone) : copy ?? ""
        let result = try ZoneCommand.load(file, apex: zone.name.description)
        return Row(
          zone: zone.name.description, serial: result.zone?.soa.serial, records: result.zone?.recordCount,
          errors: result.findings.filter { $0.severity == .error }.count, file: file)
      }
      if json { return try Terminal.print(json: rows) }
      var table = Table("zone", "serial", "records", "errors", "file")
      for row in rows {
        table.add(
          row.zone, row.serial.map(String.init) ?? "-", row.records.map(String.init) ?? "-", String(row.errors),
          row.file)
      }
      Terminal.print(table.text)
    }
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Whether a zone file can be served, and what is doubtful in it.",
      discussion: "Example: portside zone check acme.example /etc/portside/acme.zone")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The zone.") var zone: String
    @Argument(help: "Its file; absent: the configured one.") var file: String?

    func run() async throws {
      let path: String
      if let file {
        path = file
      } else {
        let configuration = try options.load()
        guard let known = configuration.dns.zones.first(where: { $0.name.description == zone }) else {
          throw CommandFailure("'\(zone)' is not among dns.zones; name a file to check it all the same")
        }
        path = DataFolder(configuration).zoneFile(known)
      }
      let result = try ZoneCommand.load(path, apex: zone)
      result.findings.forEach { Terminal.print($0.description) }
      guard let loaded = result.zone else { throw ExitCode(1) }
      switch ZoneDigest.verify(loaded) {
      case .absent: break
      case .right: Terminal.print("ZONEMD: the zone's digest is right")
      case .unknown: Terminal.print("ZONEMD: no digest that is known, of this serial")
      case .wrong:
        Terminal.print("error: ZONEMD: the zone's digest is wrong (RFC 8976)")
        throw ExitCode(1)
      }
      Terminal.print("\(zone): \(loaded.recordCount) records, serial \(loaded.soa.serial)")
    }
  }

  fileprivate static func load(_ path: String, apex: String) throws -> (zone: Zone?, findings: [ZoneFinding]) {
    guard let name = try? Name(apex) else { throw CommandFailure("'\(apex)' is no domain name") }
    return ZoneSource(apex: name, .file(path)).load()
  }
}
