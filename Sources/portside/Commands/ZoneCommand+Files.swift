import ArgumentParser
import Configuration
import DNSCore
import DNSReplication
import DNSServer
import Foundation
import Supervision

extension ZoneCommand {
  /// A key that two servers share (RFC 8945).
  struct Key: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "key", abstract: "Make or show a key for transfers and updates.",
      discussion: "Used as key = \"tsig:NAME\" in [dns]. Prints it as BIND and Knot want it: it is a secret.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its name, the same at the other server.") var name: String

    func run() async throws {
      guard let zone = ZoneName(name) else { throw CommandFailure("'\(name)' is no name") }
      let folder = DataFolder(try options.load())
      let path = folder.transferKey(zone.description)
      let secret: String
      if let content = FileManager.default.contents(atPath: path) {
        secret = String(decoding: content, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      } else {
        secret = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
        try FileManager.default.createDirectory(
          atPath: folder.transferKeys, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard
          FileManager.default.createFile(
            atPath: path, contents: Data((secret + "\n").utf8), attributes: [.posixPermissions: 0o600])
        else { throw CommandFailure("can't write \(path)") }
      }
      Terminal.print(
        """
        # BIND
        key "\(zone)" { algorithm hmac-sha256; secret "\(secret)"; };
        # Knot
        key:
          - id: \(zone)
            algorithm: hmac-sha256
            secret: \(secret)
        """)
    }
  }

  /// A zone as text.
  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export", abstract: "A zone as a zone file: its own, what updates brought, or another server's.",
      discussion: "Every record on a line of its own, in the order of names. Names of DHCP clients are not in it.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The zone.") var zone: String

    func run() async throws {
      let configuration = try options.load()
      let folder = DataFolder(configuration)
      guard let known = configuration.dns.zones.first(where: { $0.name.description == zone }),
        let apex = try? Name(zone)
      else { throw CommandFailure("'\(zone)' is not among dns.zones") }
      let source =
        known.from.isEmpty
        ? ZoneSource(apex: apex, .file(folder.zoneFile(known)))
        : ZoneSource(apex: apex, .file(ReplicationFiles.copy(of: apex, in: folder.replication)))
      let (loaded, findings) = source.load()
      guard let loaded else {
        findings.forEach { Terminal.note($0.description) }
        throw ExitCode(1)
      }
      var records: [ResourceRecord] = []
      loaded.forEachRecord { records.append($0) }
      records += try ReplicationFiles.updates(of: apex, in: folder.replication)
      Terminal.print(Self.text(records))
    }

    /// Every record on a line of its own, in the order of names.
    static func text(_ records: [ResourceRecord]) -> String {
      records.sorted { left, right in
        if left.name != right.name { return left.name < right.name }
        if (left.type == .soa) != (right.type == .soa) { return left.type == .soa }
        return left.type == right.type
          ? left.data.wire.lexicographicallyPrecedes(right.data.wire) : left.type < right.type
      }.map(\.description).joined(separator: "\n")
    }
  }

  /// A zone file in an editor: nothing is served that can't be.
  struct Edit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "edit", abstract: "Edit a zone: checked, with a higher serial, shown, then served.",
      discussion: "Opens a copy of the zone's file in $VISUAL or $EDITOR.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The zone.") var zone: String
    @Flag(name: .shortAndLong, help: "Apply without asking.") var yes = false

    func run() async throws {
      let configuration = try options.load()
      let folder = DataFolder(configuration)
      guard let known = configuration.dns.zones.first(where: { $0.name.description == zone }),
        let apex = try? Name(zone)
      else { throw CommandFailure("'\(zone)' is not among dns.zones") }
      guard known.from.isEmpty else { throw CommandFailure("\(zone) is another server's: edit it there") }
      let path = folder.zoneFile(known)
      let draft = path + ".edit"
      guard let before = FileManager.default.contents(atPath: path) else { throw CommandFailure("can't read \(path)") }
      try before.write(to: URL(fileURLWithPath: draft))
      defer { try? FileManager.default.removeItem(atPath: draft) }
      while true {
        try Self.openEditor(draft)
        if FileManager.default.contents(atPath: draft) == before {
          Terminal.print("nothing has changed")
          return
        }
        let (loaded, findings) = ZoneSource(apex: apex, .file(draft)).load()
        findings.forEach { Terminal.print($0.description) }
        if let loaded {
          try Self.raiseSerial(draft, loaded, above: ZoneSource(apex: apex, .file(path)).load().zone, apex)
          break
        }
        guard Self.ask("The zone can't be served like this. Edit again?") else { throw ExitCode(1) }
      }
      Self.run(["/usr/bin/diff", "-u", "--label", path, "--label", "edited", path, draft])
      guard yes || Self.ask("Serve this?") else { throw ExitCode(1) }
      try Self.replace(path, with: draft)
      do {
        _ = try SupervisorClient(path: folder.controlSocket).send(.reload)
        Terminal.print("served")
      } catch {
        Terminal.print("written; no server runs that could take it over: \(error)")
      }
    }

    private static func openEditor(_ path: String) throws {
      let environment = ProcessInfo.processInfo.environment
      let editor = environment["VISUAL"] ?? environment["EDITOR"] ?? "vi"
      guard run(["/bin/sh", "-c", "\(editor) \"$0\"", path]) == 0 else { throw CommandFailure("\(editor) failed") }
    }

    /// Puts a higher serial into the SOA, unless the editor did.
    private static func raiseSerial(_ path: String, _ zone: Zone, above old: Zone?, _ apex: Name) throws {
      guard let old, !TransferReader.isNewer(zone.soa.serial, than: old.soa.serial) else { return }
      let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
      guard let changed = SerialText.replace(zone.soa.serial, with: old.soa.serial &+ 1, in: text) else {
        throw CommandFailure("the serial \(zone.soa.serial) is not found in the file: raise it by hand")
      }
      try Data(changed.utf8).write(to: URL(fileURLWithPath: path))
      guard ZoneSource(apex: apex, .file(path)).load().zone?.soa.serial == old.soa.serial &+ 1 else {
        throw CommandFailure("the serial could not be raised: raise it by hand")
      }
    }

    private static func replace(_ path: String, with draft: String) throws {
      var status = stat()
      guard stat(path, &status) == 0, chmod(draft, status.st_mode & 0o7777) == 0 else {
        throw CommandFailure("\(path): \(String(cString: strerror(errno)))")
      }
      _ = chown(draft, status.st_uid, status.st_gid)
      guard rename(draft, path) == 0 else { throw CommandFailure("\(path): \(String(cString: strerror(errno)))") }
    }

    private static func ask(_ question: String) -> Bool {
      Terminal.print("\(question) [y/N]")
      return readLine()?.lowercased().hasPrefix("y") ?? false
    }

    @discardableResult
    private static func run(_ words: [String]) -> Int32 {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: words[0])
      process.arguments = Array(words.dropFirst())
      guard (try? process.run()) != nil else { return -1 }
      process.waitUntilExit()
      return process.terminationStatus
    }
  }
}

/// The serial within a zone file's text.
enum SerialText {
  /// The text with the first number behind `SOA` that is this serial replaced; comments are passed over.
  static func replace(_ serial: UInt32, with new: UInt32, in text: String) -> String? {
    var hasSOA = false
    var isComment = false
    var word = ""
    var result = ""
    var isDone = false
    for character in text + "\n" {
      if !isComment, !isDone, character.isLetter || character.isNumber {
        word.append(character)
        continue
      }
      if !word.isEmpty {
        if hasSOA, word == "\(serial)" {
          word = "\(new)"
          isDone = true
        }
        if word.uppercased() == "SOA" { hasSOA = true }
        result += word
        word = ""
      }
      if character == ";" { isComment = true }
      if character.isNewline { isComment = false }
      result.append(character)
    }
    return isDone ? String(result.dropLast()) : nil
  }
}
