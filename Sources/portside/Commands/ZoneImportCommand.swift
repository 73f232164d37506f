import ArgumentParser
import Configuration
import DNSCore
import DNSServer
import Foundation

extension ZoneCommand {
  /// Another name server's zones.
  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Takes in the zones of BIND, the names of dnsmasq or of a hosts file.",
      discussion: """
        Each zone is checked as `zone check` does, then written among the zone files; one that is there already stays as
        it is. At the end stands what belongs into the configuration.

        Examples: portside zone import /etc/bind/named.conf.local
                  portside zone import /etc/hosts --zone lan.example
        """)
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "named.conf, dnsmasq.conf or a hosts file.") var file: String
    @Option(help: "The zone for names that come without one.") var zone: String?
    @Flag(name: .customLong("dry-run"), help: "Only show what would happen.") var isDryRun = false

    func run() async throws {
      guard let content = FileManager.default.contents(atPath: file) else { throw CommandFailure("can't read \(file)") }
      let found = try ZoneImport(String(decoding: content, as: UTF8.self), zone: zone)
      let folder = DataFolder(try options.load())
      if !isDryRun { try folder.becomeOwner() }
      var isWhole = found.unread.isEmpty
      var names: [String] = [], fetched: [String] = []
      for zone in found.zones {
        if case .from(let servers) = zone.content {
          let list = servers.map { "\"\($0)\"" }.joined(separator: ", ")
          fetched.append("{ name = \"\(zone.name)\", from = [\(list)] }")
        } else if try take(zone, into: folder.zones) {
          names.append("\"\(zone.name)\"")
        } else {
          isWhole = false
        }
      }
      found.unread.forEach { Terminal.note("not taken: \($0)") }
      if !names.isEmpty || !fetched.isEmpty {
        Terminal.print("\n[dns]\nzones = [\((names + fetched).joined(separator: ", "))]")
      }
      if !isWhole { throw ExitCode(1) }
    }

    /// Checks a zone and writes it, whether its file was one or several; `false` when it can't be served.
    private func take(_ zone: ZoneImport.Found, into zones: String) throws -> Bool {
      guard let apex = try? Name(zone.name) else {
        Terminal.note("'\(zone.name)' is no name of a zone")
        return false
      }
      let source: ZoneSource
      switch zone.content {
      case .file(let path): source = ZoneSource(apex: apex, .file(path))
      case .text(let text): source = ZoneSource(apex: apex, .text(text))
      case .from: return false
      }
      let (loaded, findings) = source.load()
      findings.forEach { Terminal.note($0.description) }
      guard let loaded else { return false }
      let target = "\(zones)/\(zone.name).zone"
      guard !FileManager.default.fileExists(atPath: target) else {
        Terminal.print("\(zone.name): \(target) is here already, unchanged")
        return true
      }
      Terminal.print("\(zone.name): \(loaded.recordCount) records, serial \(loaded.soa.serial)")
      if isDryRun { return true }
      guard FileManager.default.createFile(atPath: target, contents: Self.text(zone, loaded)) else {
        throw CommandFailure("can't write \(target)")
      }
      return true
    }

    /// The file as its author wrote it; where it includes others, every record on a line of its own.
    private static func text(_ zone: ZoneImport.Found, _ loaded: Zone) -> Data {
      switch zone.content {
      case .text(let text): return Data(text.utf8)
      case .file(let path):
        let content = FileManager.default.contents(atPath: path) ?? Data()
        if content.range(of: Data("$INCLUDE".utf8)) == nil { return content }
      case .from: break
      }
      var records: [ResourceRecord] = []
      loaded.forEachRecord { records.append($0) }
      return Data((Export.text(records) + "\n").utf8)
    }
  }
}
